//! Where a page is, as far as it helps to say why it does not connect.

/// What is known of the page, the browser and the device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vantage {
    /// Whether the page came over HTTPS.
    pub is_https: bool,
    /// The host in the page's address: a name, or an address, in brackets where it is IPv6's.
    pub host: String,
    /// Whether the browser knows that it has no network.
    pub is_offline: bool,
    /// Whether the server answered another request after an offer had got no answer.
    pub is_answered: bool,
    /// Whether the browser was found to have no address to send UDP from.
    pub is_without_udp: bool,
    /// What the browser calls itself.
    pub browser: String,
}
