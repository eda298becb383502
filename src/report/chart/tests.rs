use super::*;

fn noise(index: usize) -> f64 {
    // A fixed sequence that looks rough: the golden ratio's multiples, modulo 1.
    (index as f64 * 0.618_033_988_749_895).fract() - 0.5
}

fn words(title: &str, subtitle: &str) -> Frame {
    Frame {
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        footer: "scenario netatmo · seed 1 · ratelab 0.1.0 · result 3f9a1c07b2d4".to_owned(),
        alt: String::new(),
    }
}

/// P(429) over a morning for three policies, with a spike at 06:00.
fn morning() -> Lines {
    let policy = |label: &str, spike: f64, tail: f64, shift: usize| Line {
        label: label.to_owned(),
        points: (0..72)
            .map(|index| {
                let x = 14_400.0 + 300.0 * index as f64 + 150.0;
                let since = (x - 21_600.0) / 300.0;
                let base = 0.003 * (1.0 + 0.5 * noise(index + shift));
                let y = if since < 0.0 {
                    base
                } else {
                    base + spike * libm::exp(-(since - 0.5) / tail)
                };
                let y = if index == 10 + shift { 0.0 } else { y };
                let half = 0.2 * y + 0.0004;
                Point {
                    x,
                    y,
                    lo: (y - half).max(0.0),
                    hi: (y + half).min(1.0),
                }
            })
            .collect(),
    };
    Lines {
        frame: words(
            "The 06:00 automations push P(429) to 55 %, whatever the retry",
            "P(429) per attempt in bins of 5 min; ribbon: 95 % interval over 40 replications",
        ),
        x: Axis {
            label: "local time".to_owned(),
            scale: Scale::TimeOfDay,
        },
        y: Axis {
            label: "P(429) per attempt".to_owned(),
            scale: Scale::Probability,
        },
        style: Style::Ribbon,
        series: vec![
            policy("no retry", 0.55, 0.8, 0),
            policy("fixed 30 s", 0.5, 3.0, 5),
            policy(
                "exponential, full jitter, honours Retry-After",
                0.52,
                1.6,
                11,
            ),
        ],
        marks: vec![Mark::Vertical {
            x: 21_600.0,
            label: "06:00 automations".to_owned(),
        }],
    }
}

/// Load on the gate over the same morning.
fn load() -> Lines {
    let curve = |label: &str, value: &dyn Fn(f64, usize) -> f64| Line {
        label: label.to_owned(),
        points: (0..360)
            .map(|index| {
                let x = 14_400.0 + 60.0 * index as f64;
                let y = value((x - 21_600.0) / 60.0, index).max(0.0);
                Point {
                    x,
                    y,
                    lo: y * 0.93,
                    hi: y * 1.07,
                }
            })
            .collect(),
    };
    Lines {
        frame: words(
            "The gate is full for eleven minutes after 06:00",
            "Requests at the gate, mean over each minute; ribbon: 95 % interval over 40 replications",
        ),
        x: Axis {
            label: "local time".to_owned(),
            scale: Scale::TimeOfDay,
        },
        y: Axis {
            label: "requests at the same time".to_owned(),
            scale: Scale::Linear,
        },
        style: Style::Ribbon,
        series: vec![
            curve("permits in use", &|since, index| {
                let base = 60.0 + 0.08 * (since + 120.0) + 6.0 * noise(index);
                if (0.0..11.0).contains(&since) {
                    160.0
                } else if since >= 11.0 {
                    (base + 90.0 * libm::exp(-(since - 11.0) / 9.0)).min(160.0)
                } else {
                    base
                }
            }),
            curve("waiting", &|since, index| {
                if since >= 0.0 {
                    270.0 * libm::exp(-since / 5.0) + 1.0 + noise(index)
                } else {
                    1.0 + noise(index)
                }
            }),
        ],
        marks: vec![
            Mark::Horizontal {
                y: 160.0,
                label: "permits 160".to_owned(),
            },
            Mark::Vertical {
                x: 21_600.0,
                label: "06:00 automations".to_owned(),
            },
            Mark::Span {
                from: 30_600.0,
                to: 32_400.0,
                label: "outage".to_owned(),
            },
        ],
    }
}

fn row(label: &str, value: f64, half: f64) -> Row {
    Row {
        label: label.to_owned(),
        value,
        lo: Some(value - half),
        hi: Some(value + half),
        shape: Shape::Dot,
        text: format!(
            "{:.2} % [{:.2}, {:.2}]",
            value * 100.0,
            (value - half) * 100.0,
            (value + half) * 100.0
        ),
        note: String::new(),
    }
}

/// Three policies by three estimands.
fn policies() -> Intervals {
    let panel = |title: &str, scale, rows: [(f64, f64); 3]| Panel {
        title: title.to_owned(),
        axis: Axis {
            label: String::new(),
            scale,
        },
        rows: ["no retry", "fixed 30 s", "full jitter, honours Retry-After"]
            .into_iter()
            .zip(rows)
            .map(|(label, (value, half))| row(label, value, half))
            .collect(),
        marks: Vec::new(),
    };
    let mut missed = panel(
        "P(command missed)",
        Scale::Probability,
        [(0.0231, 0.0012), (0.0004, 0.00011), (0.0, 0.0)],
    );
    missed.rows[2] = Row {
        lo: Some(0.0),
        hi: Some(0.0009),
        shape: Shape::AtMost,
        text: "none seen, at most 0.09 %".to_owned(),
        ..missed.rows[2].clone()
    };
    let mut refused = panel(
        "P(429) per attempt",
        Scale::Probability,
        [(0.0031, 0.00035), (0.0112, 0.0009), (0.0044, 0.0004)],
    );
    refused.marks = vec![Mark::Vertical {
        x: 0.001,
        label: "target 0.1 %".to_owned(),
    }];
    Intervals {
        frame: words(
            "Full jitter misses no command and costs 4 % more attempts",
            "One day of 22,000 homes; dot: estimate, bar: 95 % interval over 40 replications",
        ),
        panels: vec![
            refused,
            missed,
            panel(
                "Attempts per request",
                Scale::Linear,
                [(1.0, 0.0), (1.087, 0.004), (1.041, 0.003)],
            ),
        ],
    }
}

/// `CHART_DIR=directory cargo test pictures -- --ignored` writes pictures to look at.
#[test]
#[ignore = "writes pictures to the directory CHART_DIR"]
fn pictures() {
    let directory = std::env::var_os("CHART_DIR").expect("CHART_DIR names a directory");
    let mut charts: Vec<(String, Chart)> = vec![
        ("a".into(), morning().into()),
        ("b".into(), load().into()),
        ("c".into(), policies().into()),
    ];
    for (index, chart) in odd().into_iter().enumerate() {
        charts.push((format!("odd{index:02}"), chart));
    }
    for (name, chart) in charts {
        let drawn = svg(&chart).unwrap();
        let path = std::path::Path::new(&directory).join(&name);
        std::fs::write(path.with_extension("svg"), &drawn).unwrap();
        std::fs::write(path.with_extension("png"), png(&drawn).unwrap()).unwrap();
    }
}

const LONG: &str = "a policy with a name of sixty characters and then a few more";

fn line(label: &str, points: &[(f64, f64)]) -> Line {
    let points = points
        .iter()
        .map(|&(x, y)| Point {
            x,
            y,
            lo: y * 0.9,
            hi: y * 1.1,
        })
        .collect();
    Line {
        label: label.to_owned(),
        points,
    }
}

fn of_scale(scale: Scale, series: Vec<Line>) -> Chart {
    let axis = |scale| Axis {
        label: format!("{scale:?}"),
        scale,
    };
    let frame = words(&format!("{scale:?} of {} lines", series.len()), LONG);
    Lines {
        frame,
        x: axis(Scale::Elapsed),
        y: axis(scale),
        series,
        ..Lines::default()
    }
    .into()
}

/// Inputs that a careless drawing would stumble over.
fn odd() -> Vec<Chart> {
    use Scale::{Linear, Log, Probability, TimeOfDay};
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    let mut charts: Vec<Chart> = vec![Lines::default().into(), Intervals::default().into()];
    for scale in [
        Linear,
        Scale::Amount,
        Log,
        Probability,
        TimeOfDay,
        Scale::Elapsed,
    ] {
        charts.push(of_scale(scale, vec![]));
        charts.push(of_scale(scale, vec![line("no points", &[])]));
        charts.push(of_scale(scale, vec![line("one point", &[(5.0, 0.3)])]));
        charts.push(of_scale(
            scale,
            vec![
                line("all zero", &[(0.0, 0.0), (1.0, 0.0)]),
                line("equal", &[(0.0, 0.2), (1.0, 0.2)]),
            ],
        ));
        charts.push(of_scale(
            scale,
            vec![line(
                "gaps",
                &[
                    (0.0, nan),
                    (1.0, 0.1),
                    (2.0, infinity),
                    (3.0, 0.2),
                    (4.0, 0.3),
                    (nan, 1.0),
                    (9.0, nan),
                ],
            )],
        ));
        charts.push(of_scale(
            scale,
            vec![
                line("huge", &[(0.0, 1e300), (1.0, -1e308)]),
                line("tiny", &[(1e-300, 5e-324), (1e308, 1e-300)]),
            ],
        ));
    }
    let twelve = |points: &dyn Fn(usize) -> Vec<(f64, f64)>| {
        (0..12)
            .map(|index| line(&format!("{index} {LONG}"), &points(index)))
            .collect::<Vec<_>>()
    };
    charts.push(of_scale(
        Probability,
        twelve(&|index| {
            (0..9)
                .map(|x| (f64::from(x) * 60.0, 0.001 * (1 + index) as f64))
                .collect()
        }),
    ));
    charts.push(of_scale(
        Linear,
        twelve(&|_| vec![(0.0, 5.0), (86_400.0, 5.0)]),
    ));
    let many = (0..40)
        .map(|index| line("same", &[(0.0, f64::from(index)), (1.0, 1.0)]))
        .collect();
    charts.push(of_scale(Linear, many));
    let days = vec![line(
        "漢字 🔥 <&\"'> \u{0}\u{ffff} ≤ µ",
        &[(0.0, 1.0), (250_000.0, 2.0)],
    )];
    let mut week = Lines {
        series: days,
        frame: words(&LONG.repeat(6), &LONG.repeat(12)),
        ..Lines::default()
    };
    week.x.scale = TimeOfDay;
    week.y.label = LONG.repeat(4);
    week.marks = (0..9)
        .map(|day| Mark::Vertical {
            x: f64::from(day) * 30_000.0,
            label: LONG.to_owned(),
        })
        .collect();
    week.marks.push(Mark::Span {
        from: nan,
        to: 5.0,
        label: "lost".to_owned(),
    });
    week.marks.push(Mark::Span {
        from: 300_000.0,
        to: 400_000.0,
        label: "out of sight".to_owned(),
    });
    week.marks.push(Mark::Horizontal {
        y: infinity,
        label: "endless".to_owned(),
    });
    charts.push(week.into());
    let tricky = [
        (0.0, None, None),
        (0.0, Some(0.0), Some(0.001)),
        (1e-6, Some(1e-9), None),
        (0.5, None, Some(0.6)),
        (nan, Some(0.1), Some(0.2)),
        (0.3, Some(nan), Some(infinity)),
        (0.3, Some(0.4), Some(0.2)),
        (1.0, Some(1.0), Some(1.0)),
        (1e300, Some(-1e300), Some(1e308)),
        (-0.4, Some(-0.5), Some(0.1)),
        (-0.0, None, Some(0.0)),
        (0.25, None, None),
    ];
    for scale in [Linear, Log, Probability, TimeOfDay, Scale::Elapsed] {
        for used in [&tricky[..1], &tricky[..5], &tricky[..8], &tricky[..]] {
            let rows = used
                .iter()
                .zip(
                    [Shape::Dot, Shape::AtMost, Shape::AtLeast]
                        .into_iter()
                        .cycle(),
                )
                .map(|(&(value, lo, hi), shape)| Row {
                    label: LONG.to_owned(),
                    value,
                    lo,
                    hi,
                    shape,
                    text: String::new(),
                    note: LONG.repeat(2),
                })
                .collect::<Vec<_>>();
            let panel = Panel {
                title: LONG.to_owned(),
                axis: Axis {
                    label: LONG.to_owned(),
                    scale,
                },
                rows,
                marks: vec![
                    Mark::Vertical {
                        x: 0.01,
                        label: LONG.to_owned(),
                    },
                    Mark::Span {
                        from: nan,
                        to: 1.0,
                        label: String::new(),
                    },
                ],
            };
            let panels = [
                panel.clone(),
                Panel {
                    rows: vec![],
                    ..panel
                },
                Panel::default(),
            ];
            charts.push(
                Intervals {
                    frame: words("odd", ""),
                    panels: panels
                        .iter()
                        .cycle()
                        .take(3 + used.len() % 3)
                        .cloned()
                        .collect(),
                }
                .into(),
            );
        }
    }
    let dots: Vec<Chart> = charts
        .iter()
        .filter_map(|chart| match chart {
            Chart::Lines(lines) => Some(
                Lines {
                    style: Style::Dots,
                    ..lines.clone()
                }
                .into(),
            ),
            _ => None,
        })
        .collect();
    charts.extend(dots);
    for text in [String::new(), LONG.repeat(20), "a\u{202e}b\u{0}".to_owned()] {
        charts.push(
            Sentence {
                frame: words(LONG, ""),
                text,
            }
            .into(),
        );
    }
    charts
}

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

#[test]
fn odd_input_gives_a_picture() {
    for chart in odd() {
        let drawn = svg(&chart).unwrap();
        assert!(
            !drawn.contains("NaN") && !drawn.contains("2147483647"),
            "{drawn}"
        );
        let document = resvg::usvg::roxmltree::Document::parse(&drawn);
        assert!(document.is_ok(), "{document:?}: {drawn}");
    }
}

#[test]
fn the_document_says_what_it_shows() {
    let drawn = svg(&morning().into()).unwrap();
    assert!(drawn.starts_with("<svg ") && drawn.contains("role=\"img\""));
    assert!(drawn.contains(
        "<title id=\"title\">The 06:00 automations push P(429) to 55 %, whatever the retry</title>"
    ));
    assert!(
        drawn.contains("no retry: highest 55.3 % at 06:02, last 0.3"),
        "{drawn}"
    );
    assert_eq!(count(&drawn, "class=\"series\""), 3);
    assert_eq!(count(&drawn, "class=\"ribbon\""), 3);
    assert_eq!(count(&drawn, "class=\"label\""), 3);
    for text in [
        "06:00 automations",
        "07:00",
        "100 %",
        "no retry",
        "scenario netatmo · seed 1 · ratelab 0.1.0 · result 3f9a1c07b2d4",
        "local time",
    ] {
        assert!(drawn.contains(&format!(">\n{text}\n<")), "{text}");
    }
}

#[test]
fn intervals_share_their_rows() {
    let mut chart = policies();
    chart.panels[1].rows.reverse();
    chart.panels[2].rows.remove(0);
    let drawn = svg(&chart.clone().into()).unwrap();
    assert_eq!(count(&drawn, "class=\"series\""), 8);
    assert_eq!(count(&drawn, ">\nfixed 30 s\n<"), 1);
    assert!(
        drawn.contains("none seen")
            && drawn.contains("1.12 % [1.03, 1.21]")
            && drawn.contains("target 0.1 %")
    );
    chart.frame.alt = "told by hand".to_owned();
    assert!(
        svg(&chart.into())
            .unwrap()
            .contains("<desc id=\"desc\">told by hand</desc>")
    );
}

#[test]
fn what_is_never_reached_is_drawn_too() {
    let never = Row {
        label: "never".to_owned(),
        value: f64::INFINITY,
        shape: Shape::AtLeast,
        lo: Some(f64::INFINITY),
        hi: Some(f64::INFINITY),
        text: "more than half never succeed".to_owned(),
        ..Row::default()
    };
    let dot = Row {
        label: "two seconds".to_owned(),
        value: 2.0,
        ..Row::default()
    };
    let panel = Panel {
        rows: vec![dot, never],
        ..Panel::default()
    };
    let chart = Intervals {
        panels: vec![panel],
        ..Intervals::default()
    };
    let drawn = svg(&chart.into()).unwrap();
    assert_eq!(count(&drawn, "class=\"series\""), 2);
    assert!(drawn.contains("more than half never succeed"));
    let point = |x: f64, y: f64, lo: f64, hi: f64| Point { x, y, lo, hi };
    let infinity = f64::INFINITY;
    // A dot, none seen, never reached with and without a lower end, no data.
    let points = vec![
        point(0.0, 0.2, 0.1, 0.3),
        point(1.0, 0.0, 0.0, 0.1),
        point(2.0, infinity, 0.4, infinity),
        point(3.0, infinity, infinity, infinity),
        point(4.0, f64::NAN, f64::NAN, f64::NAN),
    ];
    let series = vec![Line {
        label: String::new(),
        points,
    }];
    let chart = Lines {
        style: Style::Dots,
        series,
        ..Lines::default()
    };
    let drawn = svg(&chart.into()).unwrap();
    let series = drawn.split("class=\"series\"").nth(1).unwrap();
    let series = series.split("</g>").next().unwrap();
    assert_eq!(
        (count(series, "<circle"), count(series, "<polygon")),
        (1, 3)
    );
}

#[test]
fn a_gap_breaks_the_line_and_equal_ends_draw_no_ribbon() {
    let point = |x: f64, y: f64| Point { x, y, lo: y, hi: y };
    let points = vec![
        point(0.0, 1.0),
        point(1.0, 2.0),
        point(2.0, f64::NAN),
        point(3.0, 2.0),
        point(4.0, 3.0),
    ];
    let chart = Lines {
        series: vec![Line {
            label: String::new(),
            points,
        }],
        ..Lines::default()
    };
    let drawn = svg(&chart.into()).unwrap();
    let series = drawn
        .split("class=\"series\"")
        .nth(1)
        .unwrap()
        .split("</g>")
        .next()
        .unwrap();
    assert_eq!(count(series, "<polyline"), 2);
    assert_eq!(count(&drawn, "class=\"ribbon\""), 0);
}

#[test]
fn the_same_chart_gives_the_same_bytes() {
    for chart in [Chart::from(policies()), morning().into()] {
        assert_eq!(svg(&chart), svg(&chart));
    }
    let small = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"20\"><text y=\"16\">429</text></svg>";
    assert_eq!(png(small), png(small));
}

#[test]
fn no_text_leaves_the_page() {
    for chart in odd()
        .into_iter()
        .chain([morning().into(), load().into(), policies().into()])
    {
        let drawn = svg(&chart).unwrap();
        let height: f64 = attribute(drawn.split('>').next().unwrap(), "height");
        for text in drawn.split("<text ").skip(1) {
            let (attributes, rest) = text.split_once(">\n").unwrap();
            let content = rest.split("\n</text>").next().unwrap();
            let content = content
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&apos;", "'")
                .replace("&amp;", "&");
            let weight = if attributes.contains("bold") {
                font::Weight::Bold
            } else {
                font::Weight::Regular
            };
            let size = attribute(attributes, "font-size") / 8.0;
            let width = font::width(&content, size, weight);
            let x = attribute(attributes, "x") / 8.0;
            let left = if attributes.contains("\"end\"") {
                x - width
            } else if attributes.contains("middle") {
                x - width / 2.0
            } else {
                x
            };
            let y = attribute(attributes, "y") / 8.0;
            assert!(
                left >= 0.0 && left + width <= f64::from(WIDTH),
                "{content}: {left} {width}"
            );
            assert!(y >= 0.0 && y + size <= height, "{content}: {y} of {height}");
        }
    }
}

fn attribute(text: &str, name: &str) -> f64 {
    let value = text
        .split(&format!(" {name}=\""))
        .nth(1)
        .or_else(|| text.strip_prefix(&format!("{name}=\"")));
    value
        .unwrap_or_else(|| panic!("{name} in {text}"))
        .split('"')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn the_picture_has_twice_the_size() {
    let bytes = png(&svg(&morning().into()).unwrap()).unwrap();
    assert_eq!(&bytes[1..4], b"PNG");
    let side = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!((side(16), side(20)), (2 * WIDTH, 2 * HEIGHT));
}
