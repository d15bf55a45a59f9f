"""A load test of server.py on this machine: requests per second, latency, equal answers.

    python examples/serving/load.py runs/demo/exported runs/demo/digits --connections 8

It starts the server in a separate process, sends the images of the folder repeatedly over
--connections persistent connections, --requests in all, and compares each answer with that of
`kerascnn.Predictor`. A result is given at the top of server.py.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import subprocess
import sys
import threading
import time
from pathlib import Path

import kerascnn

SERVER = Path(__file__).with_name("server.py")
TOLERANCE = 1e-5
"""The largest difference in a score: batches of different sizes round differently."""


def start(artifact: str, *options: str) -> tuple[subprocess.Popen, int]:
    """Starts a server on a free port and returns it with the port."""
    command = [sys.executable, str(SERVER), artifact, "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    if "http://" not in line:
        process.kill()
        raise SystemExit("the server did not start; its message stands above")
    return process, int(line.rsplit(":", 1)[1])


def run(
    port: int,
    images: list[bytes],
    expected: list[dict[str, float]],
    connections: int,
    requests: int,
) -> list[float]:
    """Sends requests over several connections in parallel and returns the seconds of each.

    Raises:
        SystemExit: an answer is not what was expected.
    """
    seconds: list[float] = []
    faults: list[str] = []

    def client(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for number in range(first, requests, connections):
            place = number % len(images)
            started = time.perf_counter()
            connection.request("POST", "/predict?top=1", images[place])
            answer = connection.getresponse()
            reply = json.loads(answer.read())
            seconds.append(time.perf_counter() - started)
            best = reply.get("classes", [{}])[0]
            wanted = expected[place].get(best.get("label", ""), -1.0)
            if answer.status != 200 or not math.isclose(best["score"], wanted, abs_tol=TOLERANCE):
                faults.append(f"image {place}: {answer.status} {reply}")
                return
        connection.close()

    threads = [threading.Thread(target=client, args=(first,)) for first in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise SystemExit(f"{len(faults)} connections got another answer, as {faults[0]}")
    return seconds


def percentile(seconds: list[float], share: float) -> float:
    """Returns a percentile of the times, in milliseconds."""
    return 1e3 * sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact")
    parser.add_argument("folder", type=Path, help="a folder of image files")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--requests", type=int, default=4000, help="number of requests (4000)")
    arguments = parser.parse_args()
    files = sorted(path for path in arguments.folder.iterdir() if path.is_file())
    # The same settings as the server's, so that answers differ by rounding at most.
    predictor = kerascnn.Predictor(arguments.artifact, precision="float32")
    expected = [
        dict(zip(prediction.labels, prediction.scores, strict=True))
        for prediction in predictor(files, top=1)
    ]
    images = [path.read_bytes() for path in files]
    server, port = start(arguments.artifact, "--precision", "float32")
    try:
        run(port, images, expected, arguments.connections, 200)
        started = time.perf_counter()
        seconds = run(port, images, expected, arguments.connections, arguments.requests)
        elapsed = time.perf_counter() - started
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/health")
        health = json.loads(connection.getresponse().read())
    finally:
        server.terminate()
        server.wait(10)
    print(
        f"{len(seconds)} requests over {arguments.connections} connections, all equal to "
        f"Predictor's answers: {len(seconds) / elapsed:.0f}/s, p50 {percentile(seconds, 0.5):.1f} "
        f"ms, p99 {percentile(seconds, 0.99):.1f} ms, "
        f"{health['images'] / health['batches']:.1f} images a batch ({health['runtime']})"
    )


if __name__ == "__main__":
    main()
