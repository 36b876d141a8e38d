use crate::{Sender, SubscribeError, Topic, Wanted};
use std::time::Instant;

mod model;
mod path;

#[test]
fn subscriptions_and_their_keys_are_bounded() {
    let topic = Topic::new(100);
    for key in 0..40 {
        topic.put(Instant::now(), &key.to_string(), "x").unwrap();
    }
    let mut sender = Sender::new(Instant::now(), 3, 100);
    let mut subscribe = |id, topic: &Topic| sender.subscribe(id, topic.clone(), Wanted::default());
    assert_eq!(subscribe(1, &topic), Ok(()));
    assert_eq!(subscribe(1, &topic), Err(SubscribeError::Taken));
    assert_eq!(subscribe(2, &topic), Ok(()));
    assert_eq!(subscribe(3, &topic), Err(SubscribeError::TooManyKeys));
    let small = Topic::new(1);
    assert_eq!(subscribe(3, &small), Ok(()));
    assert_eq!(subscribe(4, &small), Err(SubscribeError::TooMany));
}
