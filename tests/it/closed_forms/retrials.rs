//! Gates without a queue whose refused requests come back, each after an
//! exponential wait, until they are done (G. I. Falin and J. G. C. Templeton,
//! *Retrial Queues*, 1997). The mean service time is 1.

/// What retrials make of a gate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retrials {
    /// The share of first attempts refused.
    pub(crate) first_attempt: f64,
    /// The share of all attempts refused.
    pub(crate) attempt: f64,
    /// Attempts per request.
    pub(crate) attempts: f64,
}

impl Retrials {
    fn new(first_attempt: f64, orbit: f64, rate: f64, retry_rate: f64) -> Retrials {
        let attempts = 1.0 + retry_rate * orbit / rate;
        Retrials {
            first_attempt,
            attempt: 1.0 - 1.0 / attempts,
            attempts,
        }
    }
}

/// One permit.
pub(crate) fn retrials_at_one_permit(rate: f64, retry_rate: f64) -> Retrials {
    let orbit = rate / (1.0 - rate) * (rate + rate / retry_rate);
    Retrials::new(rate, orbit, rate, retry_rate)
}

/// Several permits: the chain of (inside, waiting to retry), its second part
/// cut at 400. A level is left upwards only from its last state, so that each
/// level is that state's chance times a vector, found from the top down.
pub(crate) fn retrials(permits: usize, rate: f64, retry_rate: f64) -> Retrials {
    const TOP: usize = 400;
    let size = permits + 1;
    // above[n]: level n + 1 per chance of the last state of level n.
    let mut above = vec![vec![0.0; size]; TOP + 1];
    let generator = |level: usize, above: &[f64], top: bool| {
        let retry = level as f64 * retry_rate;
        let mut matrix = vec![vec![0.0; size]; size];
        for inside in 0..size {
            let mut out = inside as f64;
            if inside > 0 {
                matrix[inside][inside - 1] += inside as f64;
            }
            if inside < permits {
                matrix[inside][inside + 1] += rate;
                out += rate + retry;
            } else if !top {
                out += rate;
            }
            matrix[inside][inside] -= out;
        }
        // What goes up comes back, one more inside.
        let back = (level + 1) as f64 * retry_rate;
        for inside in 0..permits {
            matrix[permits][inside + 1] += back * above[inside];
        }
        matrix
    };
    for level in (1..=TOP).rev() {
        let matrix = generator(level, &above[level], level == TOP);
        let mut inflow = vec![0.0; size];
        inflow[permits] = -rate;
        above[level - 1] = solve_left(matrix, inflow);
    }
    // Level 0 up to scale: one of its balance equations is replaced.
    let mut matrix = generator(0, &above[0], false);
    for row in &mut matrix {
        row[0] = 0.0;
    }
    matrix[permits][0] = 1.0;
    let mut one = vec![0.0; size];
    one[0] = 1.0;
    let mut level = solve_left(matrix, one);
    let (mut total, mut full, mut orbit) = (0.0, 0.0, 0.0);
    for (n, above) in above.iter().enumerate() {
        let mass: f64 = level.iter().sum();
        total += mass;
        full += level[permits];
        orbit += n as f64 * mass;
        let scale = level[permits];
        level = above.iter().map(|chance| chance * scale).collect();
    }
    Retrials::new(full / total, orbit / total, rate, retry_rate)
}

/// The row vector x with x `matrix` = `right`, by elimination with pivots.
fn solve_left(matrix: Vec<Vec<f64>>, right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    let mut rows: Vec<Vec<f64>> = (0..size)
        .map(|column| {
            let mut row: Vec<f64> = matrix.iter().map(|row| row[column]).collect();
            row.push(right[column]);
            row
        })
        .collect();
    for column in 0..size {
        let pivot = (column..size)
            .max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))
            .unwrap_or(column);
        rows.swap(column, pivot);
        let lead = rows[column].clone();
        for (number, row) in rows.iter_mut().enumerate() {
            if number != column {
                let factor = row[column] / lead[column];
                row.iter_mut()
                    .zip(&lead)
                    .for_each(|(value, lead)| *value -= factor * lead);
            }
        }
    }
    (0..size).map(|n| rows[n][size] / rows[n][n]).collect()
}
