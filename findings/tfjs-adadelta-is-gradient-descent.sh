#!/usr/bin/env bash
# TensorFlow.js's Adadelta is plain gradient descent, to the last digit, whatever its decay rate.
#
# @tensorflow/tfjs-core 4.22.0. Adadelta (Zeiler 2012) multiplies each gradient by the root of a running mean of squared updates
# over the root of a running mean of squared gradients; the second mean holds the gradient of the step itself, so that the first
# step is of the order of the root of epsilon, 0.0045 here, whatever the gradient's size. PyTorch and Keras do that. tfjs takes
# the mean from before the step. Both means are then 0 in the first step, the ratio is 1, the update is the gradient, and from
# there on the two means are equal for ever. The rule is written in the core, so that all backends share it. Seen with Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";

await tf.setBackend("cpu");
const gradients = [4, -0.5, 0.001, 30, 2, -7];

/** Where a weight that begins at 0 is after each step. */
function places(optimizer) {
  const weight = tf.variable(tf.tensor1d([0]));
  return gradients.map((gradient) => {
    optimizer.applyGradients({ [weight.name]: tf.tensor1d([gradient]) });
    return weight.dataSync()[0].toFixed(4);
  });
}

/** By the paper's algorithm 1. */
function published(decay, epsilon) {
  let [weight, squares, updates] = [0, 0, 0];
  return gradients.map((gradient) => {
    squares = decay * squares + (1 - decay) * gradient ** 2;
    const update = (Math.sqrt(updates + epsilon) / Math.sqrt(squares + epsilon)) * gradient;
    updates = decay * updates + (1 - decay) * update ** 2;
    weight -= update;
    return weight.toFixed(4);
  });
}

console.log("sgd(1)              ", ...places(tf.train.sgd(1)));
console.log("adadelta(1, 0.95)   ", ...places(tf.train.adadelta(1, 0.95, 1e-6)));
console.log("adadelta(1, 0.5)    ", ...places(tf.train.adadelta(1, 0.5, 1e-6)));
console.log("as published, 0.95  ", ...published(0.95, 1e-6));
END
cat >expected.txt <<'END'
sgd(1)               -4.0000 -3.5000 -3.5010 -33.5010 -35.5010 -28.5010
adadelta(1, 0.95)    -4.0000 -3.5000 -3.5010 -33.5010 -35.5010 -28.5010
adadelta(1, 0.5)     -4.0000 -3.5000 -3.5010 -33.5010 -35.5010 -28.5010
as published, 0.95   -0.0045 -0.0037 -0.0037 -0.0098 -0.0104 -0.0084
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
grep -E "^(sgd|ada|as )" seen.txt >figures.txt
diff expected.txt figures.txt
cat figures.txt
