// The only includer of napi.h, so that these always come first.
#pragma once
#ifndef NAPI_VERSION
#define NAPI_VERSION 9
#endif
#include <napi.h>
