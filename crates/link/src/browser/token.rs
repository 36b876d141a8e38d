//! The token that the page shows the server, for as long as a session lasts.

use super::driver::Driver;
use super::negotiation::{self, Answered, is_unauthorized};
use crate::{Failure, Milestone};
use leptos::prelude::*;
use tickwire_wire::signaling::Change;

impl Driver {
    /// Whether the page has something that gives one.
    pub(super) fn has_tokens(self) -> bool {
        let has = |options: &crate::LinkOptions| options.token.is_some();
        self.options.try_with_value(has) == Some(true)
    }

    /// Asks the page for one.
    pub(super) async fn new_token(self) -> Option<String> {
        let source = self.options.try_with_value(|options| options.token.clone());
        source.flatten()?().await
    }

    /// Sends an offer, with a token if the page has one. Returns the answer, and the token that was
    /// taken; `None` where the session is not wanted any more.
    pub(super) async fn ask_for_session(
        self,
        number: u32,
        server: &str,
        offer: &Change,
    ) -> Result<Option<(Answered, Option<String>)>, Failure> {
        let token = self.new_token().await;
        if !self.has_session(number) {
            return Ok(None);
        }
        self.reached(number, Milestone::OfferSent);
        let ask = async |token| negotiation::open_session(server, offer, token).await;
        let failure = match ask(token.as_deref()).await {
            Ok(answer) => return Ok(Some((answer, token))),
            Err(failure) => failure,
        };
        // One that has ended on the way is followed by another, once.
        if token.is_none() || !is_unauthorized(&failure) || !self.has_session(number) {
            return Err(failure);
        }
        let second = self.new_token().await;
        if second.is_none() || second == token || !self.has_session(number) {
            return Err(failure);
        }
        let answer = ask(second.as_deref()).await?;
        Ok(Some((answer, second)))
    }
}
