//! Where connections come, and which of them are clients'.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};

/// How many connections the kernel keeps until they are accepted.
const BACKLOG: i32 = 1_024;

/// Whether a connection that begins with this byte is a client's, and not one of HTTP or of TLS: its frames
/// begin with lengths below 4,096.
pub fn is_client(first: u8) -> bool {
    first < 16
}

/// Whether who listens at `listening` is reached at `address` too.
pub fn covers(listening: SocketAddr, address: SocketAddr) -> bool {
    let is_any = listening.ip().is_unspecified() && listening.is_ipv4() == address.is_ipv4();
    listening.port() == address.port() && (is_any || listening.ip() == address.ip())
}

/// Listens at the address of a UDP socket, unless its number is that of `http`: who asks for HTTP there, at
/// an address at which it is not served, is to be refused and not to wait.
///
/// # Errors
/// Where another program has the address.
pub fn listen_beside(http: SocketAddr, udp: SocketAddr) -> io::Result<Option<TcpListener>> {
    if http.port() == udp.port() {
        return Ok(None);
    }
    listen(udp).map(Some)
}

/// Listens at `address`; at an IPv6 one for IPv6 alone, as UDP does.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // As all servers do: connections of an earlier process may still be closing.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
