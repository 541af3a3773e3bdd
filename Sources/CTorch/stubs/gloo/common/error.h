// libtorch's wheels contain Gloo but not its headers. c10d's header needs only these names.
#pragma once
