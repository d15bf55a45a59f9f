"""The lines that TensorFlow writes when it starts are left out, and errors are not."""

from __future__ import annotations

from support.processes import run_python


def test_chatter_is_filtered_and_errors_pass() -> None:
    lines = {
        "WARNING: All log messages before absl::InitializeLog() is called": False,
        "I0000 00:00:1.5    1 port.cc:153] oneDNN custom operations are on.": False,
        "I0000 00:00:1.5    1 cudart_stub.cc:31] Could not find cuda drivers": False,
        "E0000 00:00:1.5    1 cuda_platform.cc:52] failed call to cuInit: UNKNOWN (303)": False,
        "E0000 00:00:1.5    1 cuda_platform.cc:52] failed call to cuInit: UNKNOWN (999)": True,
        "W0000 00:00:1.5    1 gpu_device.cc:2342] Cannot dlopen some GPU libraries.": True,
        "Illegal instruction": True,
    }
    code = (
        "import os, sys\n"
        "from kerascnn.cli.startup import _without_start_up_lines\n"
        "with _without_start_up_lines():\n"
        "    os.write(2, sys.argv[1].encode())\n"
        "    os.abort()\n"
    )
    text = "".join(f"{line}\n" for line in lines)
    done = run_python("-c", code, text)
    assert done.returncode == -6, "what an aborting start-up says must arrive all the same"
    assert done.stderr.splitlines() == [line for line, passes in lines.items() if passes]
