"""The child's side of `execution`: it limits itself, then runs one program; started as a script, never imported.

Only the standard library may be used here: the interpreter runs with `-I -S`. The limits that hold are the kernel's;
the audit hook beside them keeps a program that means no harm from the user's files, and is no wall against one that
does.
"""

import os
import resource
import sys
import tempfile
from pathlib import Path

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {f"os.{name}" for name in ["remove", "rename", "rmdir", "mkdir", "chmod", "chown", "link", "symlink"]}
STARTS = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.", "ctypes.")


def limit(cpu_s: int, memory: int, file_size: int) -> None:
    """Set the kernel's limits, soft and hard; memory and file size in bytes."""
    for which, most in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),  # nothing can be started: this process is one already
    ):
        try:
            resource.setrlimit(which, (most, most))
        except (OSError, ValueError):  # macOS knows no limit of the address space
            continue


def guard(folder: str, *, processes: bool) -> None:
    """Refuse changes outside a folder; with `processes`, connections and children as well."""
    inside = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118 - a hook must not import or allocate much

    def refuse(event: str, args: tuple[object, ...]) -> None:
        above = ""
        if event in ("open", "os.truncate"):
            flags = args[2] if event == "open" else WRITES
            if not (isinstance(args[0], str | bytes) and isinstance(flags, int) and flags & WRITES):
                return
        elif event not in CHANGES:
            if processes and event.startswith(STARTS):
                raise PermissionError(f"{event} is refused here")
            return
        elif isinstance(args[-1], int) and args[-1] >= 0:  # names count from an open folder, as rmtree has them
            above = f"/dev/fd/{args[-1]}"
        for path in args[:2]:
            if isinstance(path, str | bytes | os.PathLike):
                place = os.path.realpath(os.path.join(above, os.fsdecode(path)))  # noqa: PTH118 - as above
                if not place.startswith(inside) and place != os.devnull:
                    raise PermissionError(f"{event} is refused outside of {inside}")

    sys.addaudithook(refuse)


def main() -> None:
    """Run the program; write to `result` what the parent wrote to `control`, or the name of what went wrong.

    Arguments: the program's file, processor seconds, bytes of memory, bytes of a file, the two descriptors, and
    whether to guard processes and connections too (`1`).
    """
    program, *numbers = sys.argv[1:]
    cpu_s, memory, file_size, control, result, processes = map(int, numbers)
    source = Path(program).read_text("utf-8")
    tempfile.tempdir = folder = str(Path.cwd())
    limit(cpu_s, memory, file_size)
    guard(folder, processes=bool(processes))
    try:
        exec(compile(source, "program.py", "exec"), {"__name__": "__main__"})  # noqa: S102 - the purpose of this file
    except BaseException as error:  # noqa: BLE001 - SystemExit as well: leaving before the tests' end is no pass
        said = type(error).__name__.encode()
    else:
        said = os.read(control, 64)  # read after the tests only, so that nothing that is printed can stand for it
    os.write(result, said[:64])
    os._exit(0)  # threads and exit handlers of the program's have no say any more


if __name__ == "__main__":
    main()
