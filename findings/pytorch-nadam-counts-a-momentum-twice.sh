#!/usr/bin/env bash
# PyTorch 1.13's NAdam takes other steps than its documentation's formula, unless foreach=True is given.
#
# torch 1.13.1, Debian's python3-torch (which calls itself 1.13.0a0). NAdam (Dozat 2016) keeps a running product of the momenta of
# all steps. The default implementation, one parameter at a time, has multiplied this step's momentum into the product when it
# multiplies by it once more for the next step's product; foreach=True multiplies once, as the documentation says. Weights part
# from the first step on, by about 0.7 % of a step here. Golden numbers of NAdam made by this version have to name the flag.
# The package is pinned below; it has too many dependencies for a temporary folder, so apt installs it where it is missing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get install -y --no-install-recommends python3-torch=1.13.1+dfsg-4 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.py <<'END'
import math

import torch

GRADIENTS = [1.0, 2.0, -1.0, 0.5, 0.5]
RATE, BETA1, BETA2, EPSILON, DECAY = 0.1, 0.9, 0.999, 1e-8, 4e-3


def places(**options):
    """Where a weight that begins at 0 is after each step."""
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.NAdam([weight], lr=RATE, **options)
    seen = []
    for gradient in GRADIENTS:
        weight.grad = torch.tensor([gradient])
        optimizer.step()
        seen.append(weight.item())
    return seen


def documented():
    weight, mean, square, product, seen = 0.0, 0.0, 0.0, 1.0, []
    momentum = lambda step: BETA1 * (1 - 0.5 * 0.96 ** (step * DECAY))
    for step, gradient in enumerate(GRADIENTS, 1):
        now, following = momentum(step), momentum(step + 1)
        product *= now
        mean = BETA1 * mean + (1 - BETA1) * gradient
        square = BETA2 * square + (1 - BETA2) * gradient * gradient
        direction = following * mean / (1 - product * following) + (1 - now) * gradient / (1 - product)
        weight -= RATE * direction / (math.sqrt(square / (1 - BETA2**step)) + EPSILON)
        seen.append(weight)
    return seen


for name, seen in [
    ("default", places()),
    ("foreach=True", places(foreach=True)),
    ("documented", documented()),
]:
    print(f"{name:13}", *(f"{one:.5f}" for one in seen))
END
cat >expected.txt <<'END'
python3-torch 1.13.1+dfsg-4
default       -0.10495 -0.20077 -0.16322 -0.19324 -0.22675
foreach=True  -0.10565 -0.20194 -0.16451 -0.19460 -0.22815
documented    -0.10565 -0.20194 -0.16451 -0.19460 -0.22815
END
dpkg-query -W -f '${Package} ${Version}\n' python3-torch >seen.txt
/usr/bin/python3 run.py >>seen.txt
diff expected.txt seen.txt
cat seen.txt
