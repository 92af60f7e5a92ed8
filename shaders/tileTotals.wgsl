// Sums of A's rows over K, beside a product in tiles (tile.wgsl): each slice adds up its own steps, as for the products. So
// many workgroups of a row of tiles share its rows that each invocation has few sums: where there are enough, one.
//
// The family states TILES_X, the number of workgroups in a row of tiles. Workgroups with tile.x below SHARES call
//   - addTotals(&totals, totalsFrom(tile.x, local)) in each turn, where the starts are computed before the loop;
//   - joinTotals(&totals, local) after the last use of the tiles: totals[q] is then the sum of the row
//     rowOfTotal(tile.x, q, local) of the tile, where that is below BLOCK_M, in the first PLACES invocations.

// Sums of an invocation if one workgroup had them all; workgroups that share them; and sums of an invocation.
const ALL_TOTALS = (BLOCK_M + PLACES - 1u) / PLACES;
const SHARES = min(ALL_TOTALS, TILES_X);
const TOTALS = (ALL_TOTALS + SHARES - 1u) / SHARES;

alias Totals = array<f32, TOTALS>;
alias TotalStarts = array<vec2<u32>, TOTALS>;

fn rowOfTotal(share: u32, q: u32, local: u32) -> u32 {
  return (share * TOTALS + q) * PLACES + local % PLACES;
}

// Where the invocation's rows lie in the slice's first step: vector and place in it.
fn totalsFrom(share: u32, local: u32) -> TotalStarts {
  var starts: TotalStarts;
  for (var q = 0u; q < TOTALS; q++) {
    let row = min(rowOfTotal(share, q, local), BLOCK_M - 1u);
    starts[q] = vec2<u32>(local / PLACES % SLICES * ROW_A + row / 4u, row % 4u);
  }
  return starts;
}

fn addTotals(totals: ptr<function, Totals>, starts: TotalStarts) {
  for (var q = 0u; q < TOTALS; q++) {
    // The least values are for compilers: they show that indices are inside.
    let first = min(starts[q].x, SLICES * ROW_A - 1u);
    let row = min(starts[q].y, 3u);
    for (var step = 0u; step < DEPTH / SLICES; step++) {
      (*totals)[q] += tiles[first + step * SLICES * ROW_A][row];
    }
  }
}

fn joinTotals(totals: ptr<function, Totals>, local: u32) {
  if (SLICES == 1u) {
    return;
  }
  let i = local % INVOCATIONS;
  for (var q = 0u; q < TOTALS; q++) {
    workgroupBarrier();
    tiles[i].x = (*totals)[q];
    workgroupBarrier();
    if (i < PLACES) {
      for (var slice = 1u; slice < SLICES; slice++) {
        (*totals)[q] += tiles[slice * PLACES + i % PLACES].x;
      }
    }
  }
}
