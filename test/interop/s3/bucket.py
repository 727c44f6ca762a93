"""A bucket of moto: `make` makes a bucket and a reader, whose key it prints; `put` and `remove` change it."""

import json
import os
import sys

import boto3

ENDPOINT = f"http://127.0.0.1:{os.environ['S3_PORT']}"


def client(service):
    return boto3.client(service, endpoint_url=ENDPOINT, region_name="us-east-1")


def make():
    """The last calls before the server begins to check who asks."""
    client("s3").create_bucket(Bucket="models")
    iam = client("iam")
    iam.create_user(UserName="reader")
    allowed = {"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}
    iam.put_user_policy(
        UserName="reader", PolicyName="read", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    )
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    print(json.dumps({"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}))


def put(key, path):
    client("s3").upload_file(path, "models", key)


def remove(key):
    client("s3").delete_object(Bucket="models", Key=key)


if __name__ == "__main__":
    {"make": make, "put": put, "remove": remove}[sys.argv[1]](*sys.argv[2:])
