//! The likely cause of a failure, and what to do about it.

/// Why there is no connection, as far as it can be told from the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The browser has no WebRTC, or is kept from using it.
    NoWebRtc,
    /// The device has no network.
    Offline,
    /// Nothing answers HTTP.
    NoServer,
    /// The server answers requests, and the offer of an encrypted page was stopped: as it is
    /// where a proxy redirects it to unencrypted HTTP.
    MixedContent,
    /// The server answers requests, and the offer was stopped.
    Stopped,
    /// Something other than the server answered the offer, with this HTTP status.
    Proxy(u16),
    /// The server took the offer, and said nothing for long.
    Slow,
    /// As many sessions are open as the server allows.
    Full,
    /// The server is being stopped.
    ShuttingDown,
    /// The server lets in only those who show that they may come, and this page has not.
    NotAllowed {
        /// Whether the server knows who asks: then it does not let them.
        is_known: bool,
    },
    /// The server did not take the offer.
    Refused,
    /// The server failed at the offer.
    ServerFailed,
    /// The answer could not be used.
    BadAnswer,
    /// The answer names no address.
    NoAddress,
    /// The answer names loopback alone, and the page came from elsewhere.
    LoopbackOnly,
    /// The answer names inner addresses alone, and the page came from outside.
    InnerOnly,
    /// The page came from an address, and the answer names others.
    OtherAddress,
    /// The browser has no address to send UDP from.
    NoUdp,
    /// Nothing else stands out: UDP does not get through to this port, if it is known.
    UdpBlocked(Option<u16>),
    /// Checks get through, and the encrypted handshake does not.
    Handshake,
    /// All is encrypted, and no channel opens.
    NoChannel,
    /// The server was heard, and no longer is.
    Lost,
    /// The server ended the session.
    Ended,
}

impl Cause {
    /// What is likely, in a sentence.
    pub fn what(&self) -> String {
        let what = match self {
            Self::NoWebRtc => "This browser makes no WebRTC connection.",
            Self::Offline => "This device is offline.",
            Self::NoServer => "The server does not answer: it may be down, or out of reach.",
            Self::MixedContent => {
                "The page is encrypted, and its request was led to an address that is not: browsers stop such mixed content."
            }
            Self::Stopped => {
                "The server answers, but this page’s request did not get through to it."
            }
            Self::Proxy(status) => {
                return format!(
                    "Something between here and the server answered in its place, with status {status}."
                );
            }
            Self::Slow => "The server took the offer and did not answer it in time.",
            Self::Full => "The server allows no more sessions: in all, or from this address.",
            Self::ShuttingDown => "The server is being stopped or restarted.",
            Self::NotAllowed { is_known: false } => "The server asks who you are.",
            Self::NotAllowed { is_known: true } => "This token does not allow it.",
            Self::Refused => "The server did not accept what this page asked for.",
            Self::ServerFailed => "The server failed at what this page asked for.",
            Self::BadAnswer => "This browser could not use the server’s answer.",
            Self::NoAddress => "The server’s answer names no address to send data to.",
            Self::LoopbackOnly => {
                "The server names loopback addresses alone, which reach nothing but the machine it runs on."
            }
            Self::InnerOnly => {
                "The server names addresses of its inner network alone, as behind a router or in a container, and this page came from outside."
            }
            Self::OtherAddress => {
                "The server names another address than the one that this page came from, and it does not answer there."
            }
            Self::NoUdp => "This browser is kept from sending UDP.",
            Self::UdpBlocked(_) => {
                "The page reached the server, but data did not: UDP between here and the server is blocked, and there is no way by TCP."
            }
            Self::Handshake => {
                "Data found a way to the server, but the encrypted handshake on it failed."
            }
            Self::NoChannel => "The connection is up, but no channel opened on it.",
            Self::Lost => "The server was heard and no longer is.",
            Self::Ended => "The server ended the connection.",
        };
        what.into()
    }

    /// What the person at the browser can do, in a sentence.
    pub fn user(&self) -> &'static str {
        match self {
            Self::NoWebRtc => {
                "Use a current browser, or turn off the extension or the setting that blocks WebRTC."
            }
            Self::Offline => "Connect it to a network.",
            Self::NoServer => {
                "Check your network and give it a minute; then tell whoever runs the server."
            }
            Self::Proxy(_) => {
                "Try again in a minute; where a sign-in page or a company’s filter may stand between, sign in or use another network."
            }
            Self::Stopped => "Turn off extensions that block requests, or try another browser.",
            Self::Slow | Self::ServerFailed => "Try again in a minute: it may be busy.",
            Self::Full => "Wait until somebody leaves, and try again.",
            Self::ShuttingDown => "Wait a moment: it may be back soon.",
            Self::NotAllowed { .. } => {
                "Open the page with #token=… at the end of its address, with a token from whoever runs the server."
            }
            Self::Refused | Self::BadAnswer => {
                "Reload the page, since it may be older than the server; update the browser if that does not help."
            }
            Self::MixedContent | Self::NoAddress | Self::OtherAddress => {
                "There is nothing to change here: tell whoever runs the server, and copy the report for them."
            }
            Self::LoopbackOnly => {
                "Open the page on the machine on which the server runs, or tell whoever runs it."
            }
            Self::InnerOnly => {
                "Join the server’s network, by VPN for example, or tell whoever runs the server."
            }
            Self::NoUdp => {
                "Turn off the setting or the extension that keeps WebRTC from UDP, such as a VPN’s leak protection."
            }
            Self::UdpBlocked(_) => {
                "Try another network, such as a phone’s hot spot, or go without the VPN."
            }
            Self::Handshake => {
                "Try another network, or go without the VPN: this one may drop large datagrams."
            }
            Self::NoChannel => {
                "Start again; if it stays so, copy the report for whoever runs the server."
            }
            Self::Lost => "Check the network of this device; it may have changed or gone.",
            Self::Ended => "Start again when you like.",
        }
    }

    /// What whoever runs the server can do, in a sentence.
    pub fn operator(&self) -> String {
        let operator = match self {
            Self::NoWebRtc => {
                "Nothing on the server: hardened profiles, and browsers inside other apps, often leave WebRTC out."
            }
            Self::Offline => "Nothing on the server.",
            Self::NoServer => {
                "See whether the server runs and its HTTP port is open: /health must answer from where the browser is."
            }
            Self::MixedContent => {
                "Let the proxy hand /sdp to the server as it came, without a redirect to http://."
            }
            Self::Stopped => "Let filters and firewalls pass POST on /sdp.",
            Self::Proxy(502..=504) => {
                "The proxy found no server behind it in time: start the server, or correct the proxy’s upstream."
            }
            Self::Proxy(_) => {
                "Let the proxy hand POST, PATCH and DELETE below /sdp to the server, and the answers back, unchanged."
            }
            Self::Slow => "Look at the server’s processors and at its log; the offer waited in it.",
            Self::ServerFailed => "Look for the error in the server’s log.",
            Self::Full => {
                "Raise max of [session], or start another server; /health tells how many sessions are open."
            }
            Self::ShuttingDown => "Start the server again if nothing else does.",
            Self::NotAllowed { .. } => {
                "Make a token for them with tickwire token --sub alice --subscribe '**' --feeds '**' --for 1h, or one that allows more."
            }
            Self::Refused => {
                "Where the status names a limit, raise it in Leptos.toml; otherwise serve page and server from the same build, and let no cache keep an old page."
            }
            Self::BadAnswer => {
                "Serve page and server from the same build, and let no cache keep an old page."
            }
            Self::NoAddress => {
                "Set advertise of [port], and let nothing on the way take candidates out of answers."
            }
            Self::LoopbackOnly => {
                "Serve on an address of the network, or set advertise of [port] to one that browsers reach."
            }
            Self::InnerOnly => {
                "Set advertise of [port] to the public address, with the port where a router or a container maps it to another."
            }
            Self::OtherAddress => {
                "Compare advertised in the log with the address at which browsers open the page, and correct advertise of [port]."
            }
            Self::NoUdp => {
                "Nothing on the server: a setting, a policy or an extension leaves the browser no candidate of its own."
            }
            Self::UdpBlocked(Some(port)) => {
                return format!(
                    "Open UDP port {port} in every firewall and security group, and map it as UDP in a container: a rule for TCP does not cover it, and is for networks that let no UDP through."
                );
            }
            Self::UdpBlocked(None) => {
                "Open the UDP port in every firewall and security group: a rule for TCP does not cover it, and is for networks that let no UDP through."
            }
            Self::Handshake => {
                "Let datagrams of 1,200 bytes through in both directions: look at the MTU of tunnels on the way."
            }
            Self::NoChannel => {
                "Look for this session in the log: max of [channel] may be too small, or a proxy changes the offer."
            }
            Self::Lost => {
                "Look for this session in the log: whether the server stopped, or its peer went silent."
            }
            Self::Ended => "Look for this session in the log: it says why the session ended.",
        };
        operator.into()
    }
}
