#pragma once
// The C face of simdjson (Debian's libsimdjson-dev), as far as Sluice uses it.
#include "chat_event.h"
#include "json_dom.h"
