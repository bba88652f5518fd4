"""The other end of process.ts, for peers in Python: answers each line of standard input."""
import json
import sys


def serve(commands):
    """Answers requests `{"do": name, ...}` by the functions of these names."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = commands[request["do"]](request)
        except Exception as error:  # whatever it is: the benchmark goes on without this figure
            answer = dict(error=f"{request['do']}: {error!r}")
        print(json.dumps(answer), flush=True)
