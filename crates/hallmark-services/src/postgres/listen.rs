//! A connection of one's own on which the server passes on what is said on a channel (`LISTEN`).
//!
//! Notices come in the order of the commits that sent them, and only while the connection lasts: whoever listens has to reckon
//! with what was said while nobody did.

use std::future::poll_fn;
use std::time::Duration;

use hallmark_core::{Error, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls};
use tokio_util::task::AbortOnDropHandle;

use super::{Postgres, error, tls};
use crate::{ServiceKind, codes, limits, url};

/// A channel that is listened to.
#[derive(Debug)]
pub struct Listener {
    client: Client,
    channel: String,
    heard: mpsc::Receiver<String>,
    _driver: AbortOnDropHandle<()>,
}

impl Listener {
    /// Connects and listens; what is said from now on is heard.
    ///
    /// # Errors
    /// `HM-S001` without an address; those of a connection that cannot be made.
    pub async fn open(postgres: &Postgres, channel: &str) -> Result<Self> {
        let config = postgres.config().ok_or_else(|| url::not_configured(ServiceKind::Postgres))?;
        let (tell, heard) = mpsc::channel(limits::NOTICES_WAITING_MAX);
        let (client, driver) = if config.require_tls {
            let connected = config.driver().connect(tls::connector(config)?).await;
            let (client, connection) = connected.map_err(error)?;
            (client, drive(connection, tell))
        } else {
            let (client, connection) = config.driver().connect(NoTls).await.map_err(error)?;
            (client, drive(connection, tell))
        };
        let listen = format!("LISTEN \"{}\"", channel.replace('"', "\"\""));
        client.batch_execute(&listen).await.map_err(error)?;
        Ok(Self { client, channel: channel.to_owned(), heard, _driver: driver })
    }

    /// The next notice; `None` when the connection has ended.
    pub async fn next(&mut self) -> Option<String> {
        self.heard.recv().await
    }

    /// Whether the server answers in time. Notices that come meanwhile are added to `heard`.
    ///
    /// # Errors
    /// That it does not.
    pub async fn ask(&mut self, within: Duration, heard: &mut Vec<String>) -> Result<()> {
        let question = format!("SELECT 1 /* {} */", self.channel);
        let late = || Error::new(&codes::TIMED_OUT, "the connection that listens does not answer");
        let answer = tokio::time::timeout(within, self.client.simple_query(&question));
        tokio::pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => return answer.map_err(|_| late())?.map(drop).map_err(error),
                notice = self.heard.recv() => heard.push(notice.ok_or_else(late)?),
            }
        }
    }

    /// Says something on the channel, to all who listen.
    ///
    /// # Errors
    /// Those of the statement.
    pub async fn say(&self, text: &str) -> Result<()> {
        let done = self.client.execute("SELECT pg_notify($1, $2)", &[&self.channel, &text]).await;
        done.map(drop).map_err(error)
    }
}

/// Drives a connection and passes its notices on, until either side ends.
fn drive<S, T>(mut connection: Connection<S, T>, tell: mpsc::Sender<String>) -> AbortOnDropHandle<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    AbortOnDropHandle::new(tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notice) = message
                && tell.send(notice.payload().to_owned()).await.is_err()
            {
                return;
            }
        }
    }))
}
