"""Embeds texts by the Python clients of OpenAI and Ollama, and prints what they gave as one line of JSON."""
import json
import os
import sys

import ollama
import openai

url, key = os.environ["PENSTOCK_URL"], os.environ["PENSTOCK_KEY"]
texts = json.loads(sys.argv[1])

client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
answer = client.embeddings.create(model="embed", input=texts)
plain = client.embeddings.create(model="embed", input=texts[0], encoding_format="float")


def failure(call):
    try:
        call()
    except (openai.APIStatusError, ollama.ResponseError) as error:
        body = getattr(error, "body", None)
        return [type(error).__name__, error.status_code, body.get("code") if isinstance(body, dict) else None, str(error)]
    return None


local = ollama.Client(host=url, headers={"authorization": "Bearer " + key})
embedded = local.embed(model="embed", input=texts)
print(json.dumps({
    "openai": [row.embedding for row in answer.data],
    "plain": plain.data[0].embedding,
    "tokens": answer.usage.prompt_tokens,
    "ollama": [list(row) for row in embedded.embeddings],
    "counted": embedded.prompt_eval_count,
    "elder": list(local.embeddings(model="embed", prompt=texts[0]).embedding),
    "listed": [model.model for model in local.list().models],
    "failures": [
        failure(lambda: client.embeddings.create(model="nobody", input="a")),
        failure(lambda: client.embeddings.create(model="embed", input="a", dimensions=7)),
        failure(lambda: openai.OpenAI(base_url=url + "/v1", api_key="wrong", max_retries=0).embeddings.create(model="embed", input="a")),
        failure(lambda: local.embed(model="nobody", input="a")),
    ],
}))
