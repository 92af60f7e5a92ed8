"""The benchmarks' models in PyTorch, for `bench torch`: a process that answers requests.

Each line of stdin is a request, a JSON object with "op"; each line of stdout is the answer to one, in turn. The first
line, unasked for, tells what there is. An answer with "error" tells what went wrong, and the process lives on.

  {"op": "load", "folder", "samples", "batch", "learningRate", "image", "convolutions", "hidden", "classes", "shapes"}
      reads inputs, targets, order and weights from the folder    -> {"parameters"}
  {"op": "losses", "mode", "steps"}   begins anew, takes steps    -> {"losses"}
  {"op": "steps", "mode", "count"}    takes steps                 -> {"seconds"}
  {"op": "matrices", "folder", "size"}    reads a and b           -> {"maxima"}: of each row of a @ b
  {"op": "matmul", "count"}           multiplies them             -> {"seconds"}

Options: --device cpu computes on the processor, whatever else there is; --threads N is the number of its threads.

"mode" is "eager", "graph" for a CUDA graph of the whole step, "compile" for torch.compile of the model and its loss, or
"compile-graph" for both. PyTorch from 1.13 on; it has torch.compile from 2.0 on.
"""
import argparse
import json
import os
import platform
import sys
import time

# Whatever libraries print must not get between the answers.
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def answer(value):
    answers.write(json.dumps(value) + "\n")


try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError as error:
    answer({"error": str(error)})
    sys.exit(3)


options = argparse.ArgumentParser()
options.add_argument("--device", choices=["cpu"])
options.add_argument("--threads", type=int)
given = options.parse_args()
if given.threads is not None:
    torch.set_num_threads(given.threads)


def best_device():
    if torch.cuda.is_available():
        return "cuda"
    mps = getattr(torch.backends, "mps", None)
    return "mps" if mps is not None and mps.is_available() else "cpu"


device = torch.device(given.device or best_device())
# Products in whole f32, as wgrad's are, and not of numbers cut to 10 bits.
torch.set_float32_matmul_precision("highest")
torch.backends.cudnn.allow_tf32 = False
# Shapes do not change: the fastest convolution is worth looking for.
torch.backends.cudnn.benchmark = True


def synchronize():
    if device.type == "cuda":
        torch.cuda.synchronize()
    elif device.type == "mps":
        # torch.mps came with 2.0; reading a value waits, too.
        torch.zeros(1, device=device).item()


def modes():
    compiles = hasattr(torch, "compile")
    graphs = device.type == "cuda"
    return (
        ["eager"]
        + (["graph"] if graphs else [])
        + (["compile"] if compiles else [])
        + (["compile-graph"] if compiles and graphs else [])
    )


def greeting():
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.machine()
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": device.type,
        "deviceName": name,
        "threads": torch.get_num_threads(),
        "modes": modes(),
    }


def read(folder, name, dtype):
    with open(os.path.join(folder, name), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=dtype).to(device)


def build(request):
    layers = []
    channels, side, _ = request["image"]
    if request["convolutions"]:
        for convolution in request["convolutions"]:
            filters, kernel = convolution["filters"], convolution["kernel"]
            layers += [nn.Conv2d(channels, filters, kernel), nn.MaxPool2d(2), nn.ReLU()]
            channels, side = filters, (side - kernel + 1) // 2
        layers.append(nn.Flatten())
    width = channels * side * side
    for hidden in request["hidden"]:
        layers += [nn.Linear(width, hidden), nn.ReLU()]
        width = hidden
    layers.append(nn.Linear(width, request["classes"]))
    return nn.Sequential(*layers).to(device)


class Data:
    """What every training begins with: the data on the device, and the first weights."""

    def __init__(self, request):
        folder, samples = request["folder"], request["samples"]
        shape = request["image"] if request["convolutions"] else [-1]
        self.inputs = read(folder, "inputs", torch.uint8).reshape(samples, *shape)
        self.targets = read(folder, "targets", torch.uint8).long()
        self.order = read(folder, "order", torch.int32).long()
        self.weights = read(folder, "weights", torch.float32)


class Training:
    """A model, and its step. One kind of training is `EagerTraining`, another `GraphTraining`."""

    capturable = False

    def __init__(self, request, data, compiled):
        self.data = data
        self.batch = request["batch"]
        self.period = request["samples"] // self.batch * self.batch
        self.model = build(request)
        self.initial = self.split(data.weights, request["shapes"])
        self.reset_weights()
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=request["learningRate"], capturable=self.capturable
        )
        self.loss_of = torch.compile(self.written_loss) if compiled else self.written_loss

    def split(self, values, shapes):
        parameters = list(self.model.parameters())
        if [list(parameter.shape) for parameter in parameters] != shapes:
            raise ValueError(f"the model's parameters are {[tuple(p.shape) for p in parameters]}, the file's {shapes}")
        sizes = [parameter.numel() for parameter in parameters]
        return [part.reshape(shape) for part, shape in zip(values.split(sizes), shapes)]

    def reset_weights(self):
        with torch.no_grad():
            for parameter, value in zip(self.model.parameters(), self.initial):
                parameter.copy_(value)

    def reset(self):
        """Begins anew."""
        self.reset_weights()
        for state in self.optimizer.state.values():
            for value in state.values():
                value.zero_()
        self.rewind()

    def written_loss(self, images, classes):
        return functional.cross_entropy(self.model(images.float() * (1 / 255)), classes)

    def update(self, indices):
        loss = self.loss_of(self.data.inputs[indices], self.data.targets[indices])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


class EagerTraining(Training):
    def __init__(self, request, data, compiled):
        super().__init__(request, data, compiled)
        self.rewind()

    def rewind(self):
        self.cursor = 0

    def step(self):
        loss = self.update(self.data.order[self.cursor : self.cursor + self.batch])
        self.cursor = (self.cursor + self.batch) % self.period
        return loss


class GraphTraining(Training):
    """The whole step as a CUDA graph, which finds its batch by a counter on the device."""

    capturable = True

    def __init__(self, request, data, compiled):
        super().__init__(request, data, compiled)
        self.cursor = torch.zeros(1, dtype=torch.long, device=device)
        self.window = torch.arange(self.batch, device=device)
        # As PyTorch asks for: some steps on another stream first.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.advance()
        torch.cuda.current_stream().wait_stream(stream)
        self.optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.loss = self.advance()

    def rewind(self):
        self.cursor.zero_()

    def advance(self):
        loss = self.update(self.data.order[self.cursor + self.window])
        self.cursor.add_(self.batch).remainder_(self.period)
        return loss

    def step(self):
        self.graph.replay()
        return self.loss


def timed(work, count):
    synchronize()
    began = time.perf_counter()
    for _ in range(count):
        work()
    synchronize()
    return time.perf_counter() - began


KINDS = {
    "eager": (EagerTraining, False),
    "graph": (GraphTraining, False),
    "compile": (EagerTraining, True),
    "compile-graph": (GraphTraining, True),
}


class Bench:
    def __init__(self):
        self.loaded = None
        self.trainings = {}
        self.product = None

    def load(self, request):
        self.loaded = request, Data(request)
        self.trainings = {}
        return {"parameters": self.loaded[1].weights.numel()}

    def training(self, mode):
        """Built where it is asked for: compiling takes a while, and may fail."""
        if mode not in self.trainings:
            kind, compiled = KINDS[mode]
            self.trainings[mode] = kind(*self.loaded, compiled)
        return self.trainings[mode]

    def losses(self, request):
        training = self.training(request["mode"])
        training.reset()
        return {"losses": [training.step().item() for _ in range(request["steps"])]}

    def steps(self, request):
        return {"seconds": timed(self.training(request["mode"]).step, request["count"])}

    def matrices(self, request):
        size = request["size"]
        a, b = (read(request["folder"], name, torch.float32).reshape(size, size) for name in "ab")
        out = torch.empty(size, size, device=device)
        self.product = lambda: torch.matmul(a, b, out=out)
        return {"maxima": self.product().max(1).values.tolist()}

    def matmul(self, request):
        return {"seconds": timed(self.product, request["count"])}


answer(greeting())
bench = Bench()
for line in sys.stdin:
    try:
        request = json.loads(line)
        if request["op"] not in ("load", "losses", "steps", "matrices", "matmul"):
            raise ValueError(f"there is no op {request['op']!r}")
        answer(getattr(bench, request["op"])(request))
    except Exception as error:  # told to who asked
        answer({"error": f"{type(error).__name__}: {error}"})
