/// Where the records of a topic may go, as the router last saw it.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// One for each partition.
    pub(super) partitions: Vec<Route>,
    /// The partitions that records without a key are spread over.
    pub(super) among: Vec<u32>,
}

/// A partition as a partitioner sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Route {
    /// Some broker leads it.
    pub(crate) led: bool,
    /// Nothing speaks against it: it has not failed a moment ago, and enough replicas are in sync.
    pub(crate) healthy: bool,
}

impl Routes {
    /// Keyless records go to partitions that are led and healthy; if there are none, to those that
    /// are led; if there are none, to any, where they wait.
    pub(crate) fn new(partitions: Vec<Route>) -> Self {
        let which = |fits: fn(&Route) -> bool| -> Vec<u32> {
            (0..).zip(&partitions).filter_map(|(at, route)| fits(route).then_some(at)).collect()
        };
        let mut among = which(|route| route.led && route.healthy);
        if among.is_empty() {
            among = which(|route| route.led);
        }
        if among.is_empty() {
            among = which(|_| true);
        }
        Self { partitions, among }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_is_used_again_if_all_are() {
        let route = |led, healthy| Route { led, healthy };
        let among = |routes: &[Route]| Routes::new(routes.to_vec()).among;
        let (good, ill, orphan) = (route(true, true), route(true, false), route(false, true));
        assert_eq!(among(&[good, ill, orphan, good]), [0, 3]);
        assert_eq!(among(&[ill, orphan, ill]), [0, 2]);
        assert_eq!(among(&[orphan, orphan]), [0, 1]);
        assert!(among(&[]).is_empty());
    }
}
