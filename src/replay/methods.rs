//! What a limit's `methods` and `costs` make of an attempt of a log.

use crate::scenario::Stage;

/// The methods that a limit applies to, and what their requests cost.
///
/// A name fits a request if it is the log's method as it stands
/// (`GET /status`), its HTTP method (`GET`), its path (`/status`) or the last
/// part of the path (`status`); one that ends in `*` fits whatever begins like
/// it.
#[derive(Debug)]
pub(super) struct MethodRules {
    only: Option<Vec<String>>,
    costs: Vec<(String, u32)>,
}

impl MethodRules {
    /// Those of a stage, if it has any.
    pub(super) fn of(stage: &Stage) -> Option<MethodRules> {
        let Stage::Limit { methods, costs, .. } = stage else {
            return None;
        };
        let costs: Vec<(String, u32)> = costs
            .iter()
            .map(|(name, cost)| (name.to_owned(), *cost))
            .collect();
        (methods.is_some() || !costs.is_empty()).then(|| MethodRules {
            only: methods.clone(),
            costs,
        })
    }

    /// What a request of a method costs; `None` if the limit does not apply to
    /// it. If its method is unknown, the cost is 1.
    pub(super) fn cost(&self, method: Option<&str>) -> Option<u32> {
        let Some(method) = method else {
            return Some(1);
        };
        if let Some(only) = &self.only
            && !only.iter().any(|name| fits(name, method))
        {
            return None;
        }
        let mut costs = self.costs.iter();
        let own = costs.find(|(name, _)| fits(name, method));
        Some(own.map_or(1, |(_, own)| *own))
    }
}

/// Whether a name is of a method, as the log writes that.
pub(super) fn fits(name: &str, method: &str) -> bool {
    let parts = method.split_once(' ');
    let path = parts.map_or(method, |(_, path)| path);
    let verb = parts.map_or(method, |(verb, _)| verb);
    if let Some(start) = name.strip_suffix('*') {
        return method.starts_with(start) || path.starts_with(start);
    }
    let last = || path.rsplit('/').next().filter(|last| !last.is_empty());
    name == method || name == path || name == verb || last() == Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::LimiterText;

    #[test]
    fn names_of_methods() {
        for (name, method, expected) in [
            ("getstatus", "getstatus", true),
            ("GET /api/status", "GET /api/status", true),
            ("GET", "GET /api/status", true),
            ("/api/status", "GET /api/status", true),
            ("status", "GET /api/status", true),
            ("/api/*", "GET /api/status", true),
            ("GET /api/*", "GET /api/status", true),
            ("POST /api/*", "GET /api/status", false),
            ("api", "GET /api/status", false),
            ("tatus", "GET /api/status", false),
            ("", "GET /", false),
        ] {
            assert_eq!(fits(name, method), expected, "{name} {method}");
        }
    }

    #[test]
    fn costs_of_methods() {
        let text = r#"Limit(name: "user", per: [User], by: Gcra(rate: "1/s", burst: 9),
                      methods: ["get", "set"], costs: {"set": 5})"#;
        let stage = |text: &str| match LimiterText::parse(text).unwrap() {
            LimiterText::Stage(stage) => stage,
            LimiterText::Rule(_) => panic!("{text} is no stage"),
        };
        let rules = MethodRules::of(&stage(text)).unwrap();
        let costs = ["GET /a/get", "POST /a/set", "GET /b"].map(|it| rules.cost(Some(it)));
        assert_eq!(costs, [Some(1), Some(5), None]);
        assert_eq!(rules.cost(None), Some(1));
        assert!(MethodRules::of(&stage("Gate(permits: 1)")).is_none());
    }
}
