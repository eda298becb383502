//! What a limit's `methods` and `costs` make of an attempt of a log.

use crate::scenario::{LimiterText, Stage};

/// The methods that a limit applies to, and what their requests cost.
///
/// A name fits a request if it is the log's method as it stands
/// (`GET /status`), its HTTP method (`GET`), its path (`/status`) or the last
/// part of the path (`status`); one that ends in `*` fits whatever begins like
/// it.
#[derive(Debug)]
pub(super) struct MethodRules {
    only: Option<Vec<String>>,
    costs: Vec<(String, u64)>,
}

impl MethodRules {
    /// Those of a limiter, if it has any.
    pub(super) fn of(limiter: &LimiterText) -> Option<MethodRules> {
        let LimiterText::Stage(stage) = limiter else {
            return None;
        };
        let Stage::Limit { methods, costs, .. } = &**stage else {
            return None;
        };
        let costs: Vec<(String, u64)> = costs
            .iter()
            .map(|(name, cost)| (name.to_owned(), u64::from(*cost)))
            .collect();
        (methods.is_some() || !costs.is_empty()).then(|| MethodRules {
            only: methods.clone(),
            costs,
        })
    }

    /// What a request of `cost` by the log costs here: nothing if the limit
    /// does not apply to it. If its method is unknown, `cost`.
    pub(super) fn cost(&self, method: Option<&str>, cost: u64) -> u64 {
        let Some(method) = method else {
            return cost;
        };
        if let Some(only) = &self.only
            && !only.iter().any(|name| fits(name, method))
        {
            return 0;
        }
        let mut costs = self.costs.iter();
        let own = costs.find(|(name, _)| fits(name, method));
        own.map_or(cost, |(_, own)| cost.saturating_mul(*own))
    }
}

fn fits(name: &str, method: &str) -> bool {
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
        let rules = MethodRules::of(&LimiterText::parse(text).unwrap()).unwrap();
        let costs = ["GET /a/get", "POST /a/set", "GET /b"].map(|it| rules.cost(Some(it), 2));
        assert_eq!(costs, [2, 10, 0]);
        assert_eq!(rules.cost(None, 3), 3);
        let plain = LimiterText::parse(r#"Gcra(rate: "1/s", burst: 9)"#).unwrap();
        assert!(MethodRules::of(&plain).is_none());
    }
}
