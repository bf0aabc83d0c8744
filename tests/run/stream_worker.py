"""A worker of its own process, to be killed: python stream_worker.py BOOTSTRAP TOPIC HOME."""

import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from streaming import QUICK, MadeUp

from kintsu.run.watch import watch
from kintsu.run.watch_flow import Pace

if __name__ == "__main__":
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    bootstrap, topic, home = sys.argv[1:]
    watch(
        bootstrap=bootstrap, topic=topic, treatment=MadeUp(), home=home, kafka=QUICK, pace=Pace(wait_s=0.1), stop=stop
    )
