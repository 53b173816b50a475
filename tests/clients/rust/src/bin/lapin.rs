//! lapin, AMQP 0-9-1: https://docs.rs/lapin

use std::time::Duration;

use clients::{Cases, Outcome, address, equal, unique};
use futures_lite::StreamExt;
use lapin::options::*;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind, ExchangeKind};
use tokio::time::{sleep, timeout};

const COUNT: usize = 10_000;

#[tokio::main]
async fn main() {
    if let Ok(queue) = std::env::var("VICTIM_QUEUE") {
        victim(&queue).await.expect("the victim holds a message");
        std::process::exit(0); // takes the socket with it, without a word to the broker
    }
    let mut cases = Cases::default();
    cases.run("10,000 confirmed messages are consumed in order, with prefetch and acks", ten_thousand()).await;
    cases.run("direct, fanout, topic and headers exchanges route", routing()).await;
    cases.run("a mandatory message without a route is returned", returned()).await;
    cases.run("a nacked message comes back as redelivered", nack()).await;
    cases.run("unacked messages return when the connection drops", drop_connection()).await;
    cases.run("a missing queue is 404 and costs only the channel", missing()).await;
    cases.run("declaring a queue otherwise is 406", otherwise()).await;
    cases.finish();
}

async fn connect() -> lapin::Result<Connection> {
    Connection::connect(&address("AMQP_URL"), ConnectionProperties::default()).await
}

async fn exclusive_queue(channel: &Channel) -> lapin::Result<String> {
    let options = QueueDeclareOptions { exclusive: true, ..Default::default() };
    Ok(channel.queue_declare("".into(), options, FieldTable::default()).await?.name().to_string())
}

async fn publish(channel: &Channel, exchange: &str, key: &str, body: &str, headers: FieldTable) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let properties = BasicProperties::default().with_headers(headers);
    channel.basic_publish(exchange.into(), key.into(), options, body.as_bytes(), properties).await?.await
}

/// Empties the queue; a redelivered body has an exclamation mark.
async fn take(channel: &Channel, queue: &str) -> lapin::Result<Vec<String>> {
    let mut taken = vec![];
    while let Some(message) = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await? {
        let mark = if message.delivery.redelivered { "!" } else { "" };
        taken.push(format!("{}{mark}", String::from_utf8_lossy(&message.delivery.data)));
    }
    Ok(taken)
}

fn reply_code<T>(result: lapin::Result<T>) -> anyhow::Result<u16> {
    let Err(error) = result else { anyhow::bail!("no error") };
    match error.kind() {
        ErrorKind::ProtocolError(error) => Ok(error.get_id()),
        other => anyhow::bail!("other error: {other:?}"),
    }
}

async fn ten_thousand() -> Outcome {
    let (producing, consuming) = (connect().await?, connect().await?);
    let (publisher, consumer) = (producing.create_channel().await?, consuming.create_channel().await?);
    let queue = unique("many");
    publisher.queue_declare(queue.as_str().into(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
    publisher.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut confirms = vec![];
    for i in 0..COUNT {
        let body = format!("message {i}");
        let options = BasicPublishOptions::default();
        confirms.push(publisher.basic_publish("".into(), queue.as_str().into(), options, body.as_bytes(), BasicProperties::default()).await?);
    }
    for confirm in confirms {
        equal(confirm.await?, Confirmation::Ack(None), "confirmation")?;
    }

    consumer.basic_qos(100, BasicQosOptions::default()).await?;
    let mut deliveries =
        consumer.basic_consume(queue.as_str().into(), "".into(), BasicConsumeOptions::default(), FieldTable::default()).await?;
    for i in 0..COUNT {
        let Some(delivery) = timeout(Duration::from_secs(10), deliveries.next()).await? else {
            anyhow::bail!("the consumer ended at {i}");
        };
        let delivery = delivery?;
        equal(String::from_utf8(delivery.data.clone())?, format!("message {i}"), "body")?;
        equal((delivery.delivery_tag, delivery.redelivered), (i as u64 + 1, false), "delivery tag and redelivered flag")?;
        delivery.ack(BasicAckOptions::default()).await?;
    }
    consumer.close(200, "".into()).await?;
    let left = publisher.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
    equal(left, 0, "messages left")
}

fn table(entries: &[(&str, &str)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert((*name).into(), AMQPValue::LongString((*value).into()));
    }
    table
}

async fn routing() -> Outcome {
    let connection = connect().await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    // kind, binding key, binding arguments, and of the three messages those which must arrive
    let bindings: [(ExchangeKind, &str, FieldTable, &[&str]); 5] = [
        (ExchangeKind::Direct, "a.b", table(&[]), &["1"]),
        (ExchangeKind::Fanout, "", table(&[]), &["1", "2", "3"]),
        (ExchangeKind::Topic, "a.#", table(&[]), &["1", "2"]),
        (ExchangeKind::Headers, "", table(&[("x-match", "all"), ("x", "1"), ("y", "2")]), &["1"]),
        (ExchangeKind::Headers, "", table(&[("x-match", "any"), ("x", "1"), ("y", "2")]), &["1", "2"]),
    ];
    for (kind, key, arguments, expected) in bindings {
        let (exchange, queue) = (unique("exchange"), exclusive_queue(&channel).await?);
        let options = ExchangeDeclareOptions { auto_delete: true, ..Default::default() };
        channel.exchange_declare(exchange.as_str().into(), kind.clone(), options, FieldTable::default()).await?;
        channel
            .queue_bind(queue.as_str().into(), exchange.as_str().into(), key.into(), QueueBindOptions::default(), arguments)
            .await?;
        publish(&channel, &exchange, "a.b", "1", table(&[("x", "1"), ("y", "2")])).await?;
        publish(&channel, &exchange, "a.b.c", "2", table(&[("x", "1")])).await?;
        publish(&channel, &exchange, "c", "3", table(&[])).await?;
        let expected: Vec<String> = expected.iter().map(|body| body.to_string()).collect();
        equal(take(&channel, &queue).await?, expected, &format!("bodies of {kind:?} {key}"))?;
    }
    Ok(())
}

async fn returned() -> Outcome {
    let connection = connect().await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    match publish(&channel, "", &unique("nowhere"), "lost", table(&[])).await? {
        Confirmation::Ack(Some(message)) => {
            equal(message.reply_code, 312, "reply code")?;
            equal(message.delivery.data, b"lost".to_vec(), "body")
        }
        other => anyhow::bail!("not returned: {other:?}"),
    }
}

async fn nack() -> Outcome {
    let connection = connect().await?;
    let channel = connection.create_channel().await?;
    let queue = exclusive_queue(&channel).await?;
    for body in ["1", "2", "3"] {
        publish(&channel, "", &queue, body, table(&[])).await?;
    }
    let mut held = vec![];
    for _ in 0..3 {
        held.extend(channel.basic_get(queue.as_str().into(), BasicGetOptions { no_ack: false }).await?);
    }
    held[0].nack(BasicNackOptions { requeue: true, ..Default::default() }).await?;
    held[1].reject(BasicRejectOptions { requeue: false }).await?;
    held[2].reject(BasicRejectOptions { requeue: true }).await?;
    equal(take(&channel, &queue).await?, vec!["1!".into(), "3!".into()], "messages after nack and reject")
}

async fn drop_connection() -> Outcome {
    let connection = connect().await?;
    let channel = connection.create_channel().await?;
    let queue = unique("drop");
    channel.queue_declare(queue.as_str().into(), QueueDeclareOptions::default(), FieldTable::default()).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    for body in ["1", "2"] {
        publish(&channel, "", &queue, body, table(&[])).await?;
    }
    let status = tokio::process::Command::new(std::env::current_exe()?).env("VICTIM_QUEUE", &queue).status().await?;
    equal(status.success(), true, "the victim held a message")?;
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    while channel.queue_declare(queue.as_str().into(), passive, FieldTable::default()).await?.message_count() < 2 {
        sleep(Duration::from_millis(10)).await;
    }
    equal(take(&channel, &queue).await?, vec!["1!".into(), "2".into()], "messages after the drop")?;
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
    Ok(())
}

/// Another process: takes one message and ends.
async fn victim(queue: &str) -> Outcome {
    let connection = connect().await?;
    let channel = connection.create_channel().await?;
    let message = channel.basic_get(queue.into(), BasicGetOptions { no_ack: false }).await?;
    equal(message.is_some(), true, "got a message")
}

async fn missing() -> Outcome {
    let connection = connect().await?;
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let declared = channel.queue_declare(unique("missing").as_str().into(), passive, FieldTable::default()).await;
    equal(reply_code(declared)?, 404, "reply code")?;
    exclusive_queue(&connection.create_channel().await?).await?;
    Ok(())
}

async fn otherwise() -> Outcome {
    let connection = connect().await?;
    let channel = connection.create_channel().await?;
    let queue = unique("otherwise");
    let exclusive = QueueDeclareOptions { exclusive: true, ..Default::default() };
    channel.queue_declare(queue.as_str().into(), exclusive, FieldTable::default()).await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(1000));
    let again = channel.queue_declare(queue.as_str().into(), exclusive, arguments).await;
    equal(reply_code(again)?, 406, "reply code")
}
