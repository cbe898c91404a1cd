//! Which faults, in which order: drawn from the seed, and the same for the same seed.

use hallmark_services::ServiceKind;

use crate::faults::{self, Fault};
use crate::random::Random;
use crate::stage::Stage;

/// A kind of fault that cannot be tried here.
#[derive(Clone, Debug)]
pub(crate) struct NotTried {
    pub(crate) kind: &'static str,
    pub(crate) service: ServiceKind,
    pub(crate) reason: String,
}

/// The faults of each service, in their order, and what is left out.
pub(crate) struct Schedule {
    pub(crate) lanes: Vec<(ServiceKind, Vec<&'static dyn Fault>)>,
    pub(crate) not_tried: Vec<NotTried>,
}

impl Schedule {
    /// Spreads `count` faults over the services, and over the kinds by their weights. No kinds mean all.
    pub(crate) fn draw(
        stage: &Stage,
        services: &[ServiceKind],
        kinds: &[String],
        count: usize,
        seed: u64,
    ) -> Self {
        let mut not_tried = Vec::new();
        let mut lanes = Vec::new();
        for (place, service) in services.iter().enumerate() {
            let wanted = |fault: &&&dyn Fault| kinds.is_empty() || kinds.iter().any(|k| k == fault.name());
            let mut possible: Vec<(&'static dyn Fault, u32)> = Vec::new();
            for fault in faults::ALL.iter().filter(wanted) {
                let weight = fault.weight(*service);
                let reason = match weight {
                    0 => Some(fault.meaningless(*service)),
                    _ => fault.impossible(stage),
                };
                match reason {
                    Some(reason) => {
                        not_tried.push(NotTried { kind: fault.name(), service: *service, reason });
                    }
                    None => possible.push((*fault, weight)),
                }
            }
            let share = count / services.len() + usize::from(place < count % services.len());
            let weights: Vec<u32> = possible.iter().map(|(_, weight)| *weight).collect();
            let mut all: Vec<&'static dyn Fault> = possible
                .iter()
                .zip(shares(share, &weights))
                .flat_map(|((fault, _), times)| std::iter::repeat_n(*fault, times))
                .collect();
            Random::new(seed, place as u64 + 1).shuffle(&mut all);
            lanes.push((*service, all));
        }
        Self { lanes, not_tried }
    }
}

/// Divides `count` by the weights: each gets what it is due, rounded down, and the largest rests get what is left.
fn shares(count: usize, weights: &[u32]) -> Vec<usize> {
    let total: usize = weights.iter().map(|weight| *weight as usize).sum();
    if total == 0 {
        return Vec::new();
    }
    let mut all: Vec<usize> = weights.iter().map(|weight| count * *weight as usize / total).collect();
    let mut by_rest: Vec<usize> = (0..weights.len()).collect();
    // Of equal rests that of a kind which has fewer comes first.
    by_rest.sort_by_key(|place| (std::cmp::Reverse(count * weights[*place] as usize % total), all[*place]));
    let left = count - all.iter().sum::<usize>();
    for place in by_rest.into_iter().take(left) {
        all[place] += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_in_the_division() {
        assert_eq!(shares(40, &[8, 8, 4, 4, 8, 4, 4]), [8, 8, 4, 4, 8, 4, 4]);
        assert_eq!(shares(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(shares(2, &[5, 1, 1, 1]), [1, 1, 0, 0]);
        assert_eq!(shares(7, &[]), Vec::<usize>::new());
        for count in 0..50 {
            assert_eq!(shares(count, &[3, 12, 2, 1, 14, 4, 4]).iter().sum::<usize>(), count);
        }
    }
}
