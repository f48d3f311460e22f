#!/usr/bin/env python3
"""Turn preprocessed CUDA C++, from standard input, into C++ for the host.

Kernels become functions that are registered, variables in shared memory static ones that are filled with NaN for each
block. Lines keep their numbers.
"""

import re
import sys

KERNEL = re.compile(r'__global__\s+void\s+(?:__launch_bounds__\s*\(([^,()]+)[^()]*\)\s*)?(\w+)\s*(?=\()')
SHARED = re.compile(r'(extern\s+)?__shared__\s+([^;=]+?)(\w+)\s*((?:\[[^\]]*\]\s*)*);')


def shared(declaration: re.Match) -> str:
    is_dynamic, kind, name, sizes = declaration.groups()
    if is_dynamic:
        return f'{kind}* const {name} = static_cast<{kind}*>(emulator::dynamic_shared);'
    enter = f'emulator::enter_shared({name}_block, &{name}, sizeof({name}));'
    return f'static {kind}{name}{sizes}; static uint64_t {name}_block; {enter}'


def main() -> None:
    source = SHARED.sub(shared, sys.stdin.read())
    registrations = [
        f'static const emulator::Registration {name}_registration("{name}", {bound or 1024}, &{name});'
        for bound, name in KERNEL.findall(source)
    ]
    source = KERNEL.sub(r'void \2', source)
    for qualifier in ('__global__', '__shared__', '__launch_bounds__'):
        if found := re.search(rf'.*\b{qualifier}\b.*', source):
            raise SystemExit(f'{sys.argv[0]}: not understood: {found.group().strip()}')
    print(source, *registrations, sep='\n')


if __name__ == '__main__':
    main()
