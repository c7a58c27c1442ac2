"""The cases of librdkafka, by way of confluent-kafka.

    cases.py BROKER BOOTSTRAP [WORD...]

BROKER is the name that the results are to carry; with words only those cases run that have one of
them in their name. Every case prints one line of JSON. The exit code is 1 if any failed.
"""

import json
import signal
import sys
import time
import traceback

import confluent_kafka

import administration
import groups
import producing
import seeking
import transactions

CASES = producing.CASES | seeking.CASES | groups.CASES | transactions.CASES | administration.CASES


class TooLong(Exception):
    pass


def run(name: str, bootstrap: str) -> tuple[bool, str]:
    case, limit = CASES[name]

    def stop(_signal, _frame):
        raise TooLong(f"not done after {limit} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        return True, case(bootstrap)
    except Exception as error:  # whatever it is, it is the reason
        traceback.print_exc(file=sys.stderr)
        return False, f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> int:
    broker, bootstrap, *words = sys.argv[1:]
    failed = 0
    for name in CASES:
        if words and not any(word in name for word in words):
            continue
        begun = time.monotonic()
        passed, detail = run(name, bootstrap)
        failed += not passed
        line = {
            "client": f"librdkafka {confluent_kafka.libversion()[0]}",
            "broker": broker,
            "case": name,
            "ok": passed,
            "seconds": round(time.monotonic() - begun, 1),
            "detail": detail,
        }
        print(json.dumps(line), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
