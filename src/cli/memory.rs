//! The memory that there is, where the system tells.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// The part of it that a study may plan with: estimates are rough, and others
/// want to live.
const PART: f64 = 0.8;

/// The bytes that a study may plan with: what the machine has available, but no
/// more than the control group and the limits of this process leave. `None`
/// where the system tells nothing.
pub(super) fn usable() -> Option<f64> {
    let read = |path: &str| read_to_string(path).ok();
    let machine = read("/proc/meminfo").and_then(|text| available(&text));
    let group = read("/proc/self/cgroup").and_then(|text| {
        let files = control_groups(&text);
        let left = files.iter().filter_map(|(limit, used)| {
            let number = |path: &Path| read_to_string(path).ok()?.trim().parse::<u64>().ok();
            // Without a limit it says "max", or a number beyond all memory.
            Some(number(limit)?.saturating_sub(number(used)?))
        });
        left.min()
    });
    let process = read("/proc/self/limits").and_then(|limits| {
        let status = read("/proc/self/status")?;
        Some(address_space(&limits)?.saturating_sub(in_kilobytes(&status, "VmSize:")?))
    });
    let least = [machine, group, process].into_iter().flatten().min()?;
    Some(least as f64 * PART)
}

/// The most memory that this process has had, where the system tells.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    in_kilobytes(&read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

fn available(meminfo: &str) -> Option<u64> {
    in_kilobytes(meminfo, "MemAvailable:")
}

/// The number of a line such as `VmHWM:  1234 kB`, in bytes.
fn in_kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The soft limit of the address space in bytes, if there is one.
fn address_space(limits: &str) -> Option<u64> {
    let line = limits.strip_prefix("Max address space").or_else(|| {
        let (_, rest) = limits.split_once("\nMax address space")?;
        Some(rest)
    })?;
    line.split_whitespace().next()?.parse().ok()
}

/// The files with the limit and the use of each control group that holds this
/// process, by `/proc/self/cgroup`: of version 1 or 2, and of all groups around.
fn control_groups(groups: &str) -> Vec<(PathBuf, PathBuf)> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, limit, used) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max", "memory.current"),
            names if names.split(',').any(|name| name == "memory") => (
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
            ),
            _ => continue,
        };
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            let folder = Path::new(root).join(group);
            files.push((folder.join(limit), folder.join(used)));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_understood() {
        let meminfo =
            "MemTotal:       24689764 kB\nMemFree:         9 kB\nMemAvailable:   1000 kB\n";
        assert_eq!(available(meminfo), Some(1_024_000));
        assert_eq!(available("MemTotal: 1 kB"), None);
        let limits = |soft: &str| {
            format!(
                "Limit   Soft Limit  Hard Limit  Units\nMax processes  10 10 p\nMax address space  {soft}  unlimited  bytes\n"
            )
        };
        assert_eq!(address_space(&limits("8192000000")), Some(8_192_000_000));
        assert_eq!(address_space(&limits("unlimited")), None);
        assert_eq!(address_space(""), None);
    }

    #[test]
    fn all_control_groups_around_count() {
        let limits = |text: &str| -> Vec<String> {
            let files = control_groups(text);
            let shown = files.iter().map(|(limit, _)| limit.display().to_string());
            shown.collect()
        };
        assert_eq!(
            limits("0::/user.slice/app\n"),
            [
                "/sys/fs/cgroup/user.slice/app/memory.max",
                "/sys/fs/cgroup/user.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        assert_eq!(
            limits("9:name=systemd:/\n4:memory:/job\n2:cpuacct,cpu:/x\nnonsense\n"),
            [
                "/sys/fs/cgroup/memory/job/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            ]
        );
    }
}
