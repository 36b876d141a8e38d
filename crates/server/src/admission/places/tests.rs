use super::*;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};

const BOUNDS: Bounds = Bounds {
    open: 6,
    open_of_network: 5,
    pending: 4,
    pending_of_network: 3,
};

fn asker(network: u8) -> Asker {
    let address = IpAddr::from(Ipv4Addr::new(192, 0, 2, network));
    Asker {
        network: Some(address.into()),
        user: None,
    }
}

fn enter(places: &mut Places, number: u64, asker: Asker) -> Result<CancellationToken, Met> {
    let ending = CancellationToken::new();
    places.enter(number, asker, ending.clone()).map(|()| ending)
}

#[test]
fn a_network_gets_its_share_and_a_refusal_names_the_limit() {
    let mut places = Places::new(BOUNDS);
    for number in 0..3 {
        enter(&mut places, number, asker(1)).unwrap();
    }
    assert_eq!(
        enter(&mut places, 3, asker(1)).err(),
        Some(Met::PendingOfNetwork)
    );
    for number in 0..3 {
        assert!(places.open(number));
    }
    for number in 4..6 {
        enter(&mut places, number, asker(1)).unwrap();
        assert!(places.open(number));
    }
    assert_eq!(
        enter(&mut places, 6, asker(1)).err(),
        Some(Met::OpenOfNetwork)
    );
    enter(&mut places, 7, asker(2)).unwrap();
    assert!(places.open(7));
    assert_eq!(enter(&mut places, 8, asker(3)).err(), Some(Met::Open));
    places.leave(0);
    enter(&mut places, 9, asker(3)).unwrap();
}

#[test]
fn one_that_fills_the_pending_places_makes_room_for_another() {
    let mut places = Places::new(BOUNDS);
    let of_one: Vec<_> = (0..3)
        .map(|number| enter(&mut places, number, asker(1)).unwrap())
        .collect();
    enter(&mut places, 3, asker(2)).unwrap();
    enter(&mut places, 4, asker(3)).unwrap();
    // The oldest of the one that had the most.
    let ended = of_one.iter().map(CancellationToken::is_cancelled);
    assert_eq!(ended.collect::<Vec<_>>(), [true, false, false]);
    assert!(!places.open(0));
    // Where each has as many, nobody has to go.
    enter(&mut places, 5, asker(4)).unwrap();
    assert_eq!(enter(&mut places, 6, asker(5)).err(), Some(Met::Pending));
}

#[test]
fn a_user_has_as_many_sessions_as_it_may_wherever_it_is() {
    let mut places = Places::new(BOUNDS);
    let alice = |network| Asker {
        user: Some(("alice".into(), 2)),
        ..asker(network)
    };
    enter(&mut places, 0, alice(1)).unwrap();
    enter(&mut places, 1, alice(2)).unwrap();
    assert_eq!(enter(&mut places, 2, alice(3)).err(), Some(Met::OfUser));
    places.leave(0);
    enter(&mut places, 3, alice(3)).unwrap();
}

#[test]
fn an_open_place_is_taken_when_it_is_proven_and_not_before() {
    let bounds = Bounds { open: 1, ..BOUNDS };
    let mut places = Places::new(bounds);
    enter(&mut places, 0, asker(1)).unwrap();
    enter(&mut places, 1, asker(2)).unwrap();
    assert!(places.open(1));
    assert!(!places.open(0), "it came first, and is proven too late");
    places.leave(1);
    assert!(places.open(0));
}

proptest! {
    #[test]
    fn the_counts_are_those_of_what_is_there(steps in prop::collection::vec((0..3_u8, 0..20_u64, 0..4_u8), 0..200)) {
        let mut places = Places::new(BOUNDS);
        for (step, number, network) in steps {
            match step {
                0 if !places.entries.contains_key(&number) => {
                    let user = (network == 0).then(|| (Arc::from("alice"), 2));
                    let _ = enter(&mut places, number, Asker { user, ..asker(network) });
                }
                1 => { places.open(number); }
                _ => places.leave(number),
            }
            let open = places.entries.values().filter(|it| it.is_open).count();
            prop_assert_eq!(places.all, Count { pending: places.entries.len() - open, open });
            prop_assert!(places.all.open <= BOUNDS.open && places.all.pending <= BOUNDS.pending);
            let of_networks = places.by_network.values();
            let sum = of_networks.fold((0, 0), |sum, it| (sum.0 + it.pending, sum.1 + it.open));
            prop_assert_eq!(sum, (places.all.pending, places.all.open));
            prop_assert!(places.by_user.values().all(|count| (1..=2).contains(count)));
        }
    }
}
