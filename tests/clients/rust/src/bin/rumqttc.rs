//! rumqttc, MQTT 3.1.1 and 5: https://docs.rs/rumqttc

use std::time::Duration;

use clients::{Cases, Outcome, address, equal, unique};
use rumqttc::{AsyncClient, Event, LastWill, MqttOptions, Packet, Publish, QoS, v5};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

const COUNT: usize = 10_000;

#[tokio::main]
async fn main() {
    let mut cases = Cases::default();
    cases.run("10,000 messages at QoS 0, in order", ten_thousand(QoS::AtMostOnce)).await;
    cases.run("10,000 messages at QoS 1, in order", ten_thousand(QoS::AtLeastOnce)).await;
    cases.run("10,000 messages at QoS 2, in order", ten_thousand(QoS::ExactlyOnce)).await;
    cases.run("a retained message reaches a late subscriber until it is cleared", retained()).await;
    cases.run("the will is sent when the client vanishes, and only then", will()).await;
    cases.run("a wildcard matches one level or all", wildcards()).await;
    cases.run("a persistent session keeps messages while offline", offline()).await;
    cases.run("properties of a publication arrive (5.0)", properties_v5()).await;
    cases.finish();
}

fn host_and_port() -> (String, u16) {
    let url = address("MQTT_URL");
    let (host, port) = url.trim_start_matches("mqtt://").rsplit_once(':').expect("MQTT_URL with a port");
    (host.into(), port.parse().expect("a port"))
}

/// A connected client; its packets come over a channel.
struct Client {
    mqtt: AsyncClient,
    packets: UnboundedReceiver<Packet>,
    session_present: bool,
    event_loop: JoinHandle<()>,
}

impl Client {
    async fn new() -> anyhow::Result<Client> {
        Client::with(&unique("rumqttc"), |_| {}).await
    }

    async fn with(id: &str, change: impl FnOnce(&mut MqttOptions)) -> anyhow::Result<Client> {
        let (host, port) = host_and_port();
        let mut options = MqttOptions::new(id, host, port);
        options.set_inflight(10);
        change(&mut options);
        let (mqtt, mut event_loop) = AsyncClient::new(options, 100);
        let (sender, packets) = unbounded_channel();
        let event_loop = tokio::spawn(async move {
            while let Ok(event) = event_loop.poll().await {
                if let Event::Incoming(packet) = event {
                    let _ = sender.send(packet);
                }
            }
        });
        let mut client = Client { mqtt, packets, session_present: false, event_loop };
        client.session_present = client
            .next(|packet| match packet {
                Packet::ConnAck(ack) => Some(ack.session_present),
                _ => None,
            })
            .await?;
        Ok(client)
    }

    /// Skips packets until one is picked.
    async fn next<T>(&mut self, pick: impl Fn(Packet) -> Option<T>) -> anyhow::Result<T> {
        loop {
            let Some(packet) = timeout(Duration::from_secs(10), self.packets.recv()).await? else {
                anyhow::bail!("disconnected");
            };
            if let Some(picked) = pick(packet) {
                return Ok(picked);
            }
        }
    }

    async fn subscribe(&mut self, filter: &str, qos: QoS) -> Outcome {
        self.mqtt.subscribe(filter, qos).await?;
        let codes = self.next(|packet| match packet {
            Packet::SubAck(ack) => Some(ack.return_codes),
            _ => None,
        });
        equal(codes.await?, vec![rumqttc::SubscribeReasonCode::Success(qos)], "SUBACK")
    }

    /// Publishes at QoS 1 and waits for the acknowledgement.
    async fn publish(&mut self, topic: &str, payload: &str, retain: bool) -> Outcome {
        self.mqtt.publish(topic, QoS::AtLeastOnce, retain, payload).await?;
        self.next(|packet| matches!(packet, Packet::PubAck(_)).then_some(())).await
    }

    /// Exactly these payloads in this order.
    async fn expect(&mut self, payloads: &[String]) -> anyhow::Result<Vec<Publish>> {
        let publish = |packet| match packet {
            Packet::Publish(publish) => Some(publish),
            _ => None,
        };
        let mut messages = vec![];
        while messages.len() < payloads.len() {
            messages.push(self.next(publish).await?);
        }
        sleep(Duration::from_millis(100)).await; // for one too many
        while let Ok(packet) = self.packets.try_recv() {
            messages.extend(publish(packet));
        }
        let arrived: Vec<String> = messages.iter().map(|m| String::from_utf8_lossy(&m.payload).into()).collect();
        equal(arrived, payloads.to_vec(), "payloads")?;
        Ok(messages)
    }

    async fn leave(self) -> Outcome {
        self.mqtt.disconnect().await?;
        timeout(Duration::from_secs(10), self.event_loop).await??;
        Ok(())
    }

    /// Drops the socket without a DISCONNECT.
    fn vanish(self) {
        self.event_loop.abort();
    }
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("message {i}")).collect()
}

async fn ten_thousand(qos: QoS) -> Outcome {
    let topic = unique("many");
    let (mut subscriber, publisher) = (Client::new().await?, Client::new().await?);
    subscriber.subscribe(&topic, qos).await?;
    let payloads = numbered(COUNT);
    for payload in &payloads {
        publisher.mqtt.publish(&topic, qos, false, payload.as_str()).await?;
    }
    for message in subscriber.expect(&payloads).await? {
        equal(message.qos, qos, "QoS")?;
    }
    publisher.leave().await?;
    subscriber.leave().await
}

async fn retained() -> Outcome {
    let topic = unique("retained");
    let (mut publisher, mut late, mut later) = (Client::new().await?, Client::new().await?, Client::new().await?);
    publisher.publish(&topic, "first", true).await?;
    publisher.publish(&topic, "last", true).await?;
    late.subscribe(&topic, QoS::AtLeastOnce).await?;
    equal(late.expect(&["last".into()]).await?[0].retain, true, "retain flag of the late subscriber's message")?;
    publisher.publish(&topic, "", true).await?;
    equal(late.expect(&["".into()]).await?[0].retain, false, "retain flag of a live message")?;
    later.subscribe(&topic, QoS::AtLeastOnce).await?;
    later.expect(&[]).await?;
    Ok(())
}

async fn will() -> Outcome {
    let topic = unique("will");
    let mut watcher = Client::new().await?;
    watcher.subscribe(&topic, QoS::AtLeastOnce).await?;
    let with_will = |payload: &'static str| {
        let will = LastWill::new(&topic, payload, QoS::AtLeastOnce, false);
        Client::with(payload, move |options| {
            options.set_last_will(will);
        })
    };
    with_will("polite").await?.leave().await?;
    watcher.expect(&[]).await?;
    with_will("vanished").await?.vanish();
    watcher.expect(&["vanished".into()]).await?;
    Ok(())
}

async fn wildcards() -> Outcome {
    let base = unique("wild");
    let mut publisher = Client::new().await?;
    let (mut one, mut all) = (Client::new().await?, Client::new().await?);
    one.subscribe(&format!("{base}/+/c"), QoS::AtLeastOnce).await?;
    all.subscribe(&format!("{base}/#"), QoS::AtLeastOnce).await?;
    for end in ["", "/a", "/a/c", "/b/c", "/b/b/c"] {
        publisher.publish(&format!("{base}{end}"), end, false).await?;
    }
    one.expect(&["/a/c".into(), "/b/c".into()]).await?;
    all.expect(&["", "/a", "/a/c", "/b/c", "/b/b/c"].map(String::from)).await?;
    Ok(())
}

async fn offline() -> Outcome {
    let (topic, id) = (unique("offline"), unique("sleeper"));
    let connect = || {
        Client::with(&id, |options| {
            options.set_clean_session(false);
        })
    };
    let mut sleeper = connect().await?;
    equal(sleeper.session_present, false, "session present at first")?;
    sleeper.subscribe(&topic, QoS::AtLeastOnce).await?;
    sleeper.leave().await?;
    let mut publisher = Client::new().await?;
    let payloads = numbered(100);
    for payload in &payloads {
        publisher.publish(&topic, payload, false).await?;
    }
    let mut awake = connect().await?;
    equal(awake.session_present, true, "session present later")?;
    awake.expect(&payloads).await?;
    Ok(())
}

async fn properties_v5() -> Outcome {
    use v5::mqttbytes::{QoS, v5::Packet, v5::PublishProperties};
    let topic = unique("properties");
    let (host, port) = host_and_port();
    let (client, mut event_loop) = v5::AsyncClient::new(v5::MqttOptions::new(unique("rumqttc"), host, port), 10);
    let sent = PublishProperties {
        user_properties: vec![("colour".into(), "red".into()), ("colour".into(), "blue".into())],
        content_type: Some("text/plain".into()),
        response_topic: Some("reply".into()),
        correlation_data: Some(vec![0, 255].into()),
        ..Default::default()
    };
    client.subscribe(&topic, QoS::ExactlyOnce).await?;
    client.publish_with_properties(&topic, QoS::ExactlyOnce, false, "hello", sent.clone()).await?;
    loop {
        if let v5::Event::Incoming(Packet::Publish(message)) = event_loop.poll().await? {
            equal(&message.payload[..], b"hello", "payload")?;
            return equal(message.properties, Some(sent), "properties");
        }
    }
}
