#include "report.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "../runtime/grid.h"
#include "options.h"

namespace emulator {
namespace {

void say(const char* kind, const char* format, va_list arguments) {
    fprintf(stderr, "emulator: %s", kind);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
}

}  // namespace

void trace(int level, const char* format, ...) {
    if (options().trace < level) return;
    va_list arguments;
    va_start(arguments, format);
    say("", format, arguments);
    va_end(arguments);
}

void fail(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("ERROR: ", format, arguments);
    va_end(arguments);
    if (const std::string where = position(); !where.empty()) fprintf(stderr, "  in %s\n", where.c_str());
    abort();
}

}  // namespace emulator
