// libtorch's wheels hold gloo but not its headers. c10d's own header needs these names only.
#pragma once
