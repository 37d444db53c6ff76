"""Verify a proof of a ledger: python verify_proof.py PROOF.txt.gz [OLDER-PROOF.txt.gz]."""

import gzip
import hashlib
import sys


def seals_of(path: str) -> dict[int, str]:
    """Hash every booking of a proof again; answers {position: hash} of its seals."""
    digest, position, seals = "", 0, dict[int, str]()
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as proof:
        for line in map(str.rstrip, proof):
            kind, *fields = line.split("\t")
            if kind == "zhanggui-ledger-1" and not digest:
                digest = hashlib.sha256(line.encode()).hexdigest()
            elif kind == "=":
                if [str(position), digest] != [fields[1], fields[3]]:
                    sys.exit(f"WRONG: seal {fields[0]} does not fit the bookings before it")
                seals[position] = digest
            elif digest and not kind.startswith("#"):
                position += 1
                amounts = [int(entry.split(" ")[2]) for entry in fields[8:]]
                if kind != str(position) or sum(amounts) != 0:
                    sys.exit(f"WRONG: booking {position} is missing or does not sum to 0")
                digest = hashlib.sha256(f"{digest}\n{line}".encode()).hexdigest()
    if seals.get(position) != digest:
        sys.exit("WRONG: the file does not end with a seal")
    return seals


new, *old = [seals_of(path) for path in sys.argv[1:3]]
if old and not old[0].items() <= new.items():
    sys.exit("WRONG: the older proof does not begin the newer one: something was changed")
print(f"RIGHT: {max(new)} bookings, last seal {new[max(new)]}")
