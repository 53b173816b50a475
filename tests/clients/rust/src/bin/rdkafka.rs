//! rdkafka, which brings librdkafka along: https://docs.rs/rdkafka

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{anyhow, ensure};
use clients::{Cases, Outcome, address, equal, unique};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication, TopicResult};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Message, Offset, Timestamp, TopicPartitionList};
use tokio::time::timeout;

const COUNT: usize = 10_000;
const TEN_SECONDS: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() {
    let mut cases = Cases::default();
    cases.run("10,000 keyed records reach a group once, in order per partition", keyed()).await;
    cases.run("a third member takes its part of the partitions", rebalance()).await;
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        cases.run(&format!("{codec} round trip"), round_trip(codec)).await;
    }
    cases.run("a restarted group resumes at its committed offset", resume()).await;
    cases.run("offsets are found by timestamp", timestamps()).await;
    cases.run("headers, nulls and timestamps arrive as sent", contents()).await;
    cases.run("a deleted topic is gone", deleted()).await;
    cases.run("an unknown topic is an error", unknown()).await;
    cases.run("10,000 records are there once, in order, though answers are lost", answers_lost()).await;
    cases.run("a group gets 10,000 records while leaders and its coordinator change", leaders_moved()).await;
    cases.finish();
}

fn config(options: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address("KAFKA_BROKERS"));
    for (name, value) in options {
        config.set(*name, *value);
    }
    config
}

fn admin() -> anyhow::Result<AdminClient<DefaultClientContext>> {
    Ok(config(&[]).create()?)
}

async fn create_topic(name: &str, partitions: i32) -> anyhow::Result<String> {
    let topic = unique(name);
    let new = NewTopic::new(&topic, partitions, TopicReplication::Fixed(1));
    done(admin()?.create_topics(&[new], &AdminOptions::new()).await?)?;
    Ok(topic)
}

fn done(results: Vec<TopicResult>) -> Outcome {
    for result in results {
        result.map_err(|(topic, code)| anyhow!("{topic}: {code}"))?;
    }
    Ok(())
}

fn member(topic: &str, group: &str, options: &[(&str, &str)]) -> anyhow::Result<StreamConsumer> {
    let mut config = config(&[
        ("group.id", group),
        ("auto.offset.reset", "earliest"),
        ("enable.auto.commit", "false"),
        ("heartbeat.interval.ms", "300"),
    ]);
    for (name, value) in options {
        config.set(*name, *value);
    }
    let member: StreamConsumer = config.create()?;
    member.subscribe(&[topic])?;
    Ok(member)
}

/// A keyed record of the 10,000, or one without a key.
type Sent = (Option<String>, String);

fn keyed_records() -> Vec<Sent> {
    (0..COUNT).map(|i| (Some(format!("key-{}", i % 97)), format!("value-{i}"))).collect()
}

/// Sends all and waits until all are acknowledged.
async fn produce(topic: &str, records: &[Sent], options: &[(&str, &str)]) -> Outcome {
    let producer: FutureProducer = config(options).create()?;
    let mut deliveries = vec![];
    for (key, value) in records {
        let mut record = FutureRecord::to(topic).payload(value);
        record.key = key.as_ref();
        deliveries.push(producer.send_result(record).map_err(|(error, _)| error)?);
    }
    for delivery in deliveries {
        delivery.await?.map_err(|(error, _)| error)?;
    }
    Ok(())
}

/// `count` messages, and what follows within a moment.
async fn receive(consumer: &StreamConsumer, count: usize) -> anyhow::Result<Vec<OwnedMessage>> {
    let mut all = vec![];
    while all.len() < count {
        let message = timeout(Duration::from_secs(30), consumer.recv()).await;
        all.push(message.map_err(|_| anyhow!("{} of {count} records", all.len()))??.detach());
    }
    while let Ok(message) = timeout(Duration::from_millis(200), consumer.recv()).await {
        all.push(message?.detach());
    }
    Ok(all)
}

fn text(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn contents_of(messages: &[OwnedMessage]) -> Vec<Sent> {
    messages.iter().map(|one| (text(one.key()), text(one.payload()).unwrap_or_default())).collect()
}

/// That all 10,000 arrived once, and each partition in the order of sending without a gap.
fn check_keyed(received: &[OwnedMessage]) -> Outcome {
    equal(received.len(), COUNT, "records")?;
    let sent: BTreeSet<Sent> = keyed_records().into_iter().collect();
    equal(contents_of(received).into_iter().collect::<BTreeSet<_>>(), sent, "keys and values")?;
    let mut partitions: BTreeMap<i32, Vec<(i64, usize)>> = BTreeMap::new();
    for one in received {
        let number = text(one.payload()).unwrap_or_default().trim_start_matches("value-").parse()?;
        partitions.entry(one.partition()).or_default().push((one.offset(), number));
    }
    ensure!(partitions.len() > 1, "all records went to one partition");
    for (partition, arrived) in partitions {
        let offsets: Vec<i64> = arrived.iter().map(|one| one.0).collect();
        equal(offsets, (0..arrived.len() as i64).collect(), &format!("offsets of partition {partition}"))?;
        ensure!(arrived.is_sorted_by_key(|one| one.1), "order of partition {partition}");
    }
    Ok(())
}

async fn keyed() -> Outcome {
    let topic = create_topic("keyed", 6).await?;
    produce(&topic, &keyed_records(), &[("enable.idempotence", "true")]).await?;
    let member = member(&topic, &unique("group"), &[])?;
    check_keyed(&receive(&member, COUNT).await?)
}

async fn rebalance() -> Outcome {
    let (topic, group) = (create_topic("shared", 6).await?, unique("group"));
    let mut members = vec![member(&topic, &group, &[])?, member(&topic, &group, &[])?];
    shares(&members, 3).await?;
    members.push(member(&topic, &group, &[])?);
    shares(&members, 2).await?;
    drop(members.remove(0));
    shares(&members, 3).await
}

/// Polls the members in turn until each has so many partitions.
async fn shares(members: &[StreamConsumer], expected: usize) -> Outcome {
    loop {
        let mut all = BTreeSet::new();
        let mut equally = true;
        for member in members {
            let _ = timeout(Duration::from_millis(50), member.recv()).await;
            let assignment = member.assignment()?;
            equally &= assignment.count() == expected;
            all.extend(assignment.elements().iter().map(|one| one.partition()));
        }
        if equally && all.len() == 6 {
            return Ok(());
        }
    }
}

async fn round_trip(codec: &str) -> Outcome {
    let topic = create_topic(codec, 1).await?;
    let records: Vec<Sent> = (0..500).map(|i| (None, format!("{codec} {i} ").repeat(50))).collect();
    produce(&topic, &records, &[("compression.type", codec), ("linger.ms", "20")]).await?;
    let member = member(&topic, &unique("group"), &[])?;
    equal(contents_of(&receive(&member, records.len()).await?), records, "records")
}

async fn resume() -> Outcome {
    let (topic, group) = (create_topic("resume", 1).await?, unique("group"));
    let records: Vec<Sent> = (0..100).map(|i| (None, i.to_string())).collect();
    produce(&topic, &records, &[]).await?;

    let first = member(&topic, &group, &[])?;
    receive(&first, 100).await?;
    let mut position = TopicPartitionList::new();
    position.add_partition_offset(&topic, 0, Offset::Offset(60))?;
    first.commit(&position, CommitMode::Sync)?;
    drop(first);

    let second = member(&topic, &group, &[])?;
    equal(contents_of(&receive(&second, 40).await?), records[60..].to_vec(), "records after the restart")?;
    let committed = second.committed_offsets(position, TEN_SECONDS)?;
    equal(committed.elements()[0].offset(), Offset::Offset(60), "committed offset")
}

async fn timestamps() -> Outcome {
    let topic = create_topic("timestamps", 1).await?;
    let start = now() - 60_000;
    let producer: FutureProducer = config(&[]).create()?;
    for i in 0..10 {
        let record = FutureRecord::<(), _>::to(&topic).payload("x").timestamp(start + i * 1000);
        producer.send(record, TEN_SECONDS).await.map_err(|(error, _)| error)?;
    }

    let member = member(&topic, &unique("group"), &[])?;
    for (time, expected, what) in [
        (start + 2500, Offset::Offset(3), "first record at or after the time"),
        (start + 60_000, Offset::End, "after the last record: the end"),
    ] {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset(&topic, 0, Offset::Offset(time))?;
        equal(member.offsets_for_times(asked, TEN_SECONDS)?.elements()[0].offset(), expected, what)?;
    }
    equal(member.fetch_watermarks(&topic, 0, TEN_SECONDS)?, (0, 10), "beginning and end")
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

async fn contents() -> Outcome {
    let topic = create_topic("contents", 1).await?;
    let now = now();
    let headers = [("a", Some("1")), ("a", Some("2")), ("empty", Some("")), ("null", None)];
    let producer: FutureProducer = config(&[]).create()?;
    let tombstone = FutureRecord::<_, ()>::to(&topic).key("tombstone").timestamp(now);
    producer.send(tombstone, TEN_SECONDS).await.map_err(|(error, _)| error)?;
    let built = headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| {
        all.insert(Header { key, value: *value })
    });
    let empty = FutureRecord::<(), _>::to(&topic).payload("").headers(built).timestamp(now + 1);
    producer.send(empty, TEN_SECONDS).await.map_err(|(error, _)| error)?;

    let member = member(&topic, &unique("group"), &[])?;
    let received = receive(&member, 2).await?;
    equal(received.len(), 2, "records")?;
    let summary = |one: &OwnedMessage| (text(one.key()), text(one.payload()), one.timestamp());
    equal(summary(&received[0]), (Some("tombstone".into()), None, Timestamp::CreateTime(now)), "tombstone")?;
    equal(summary(&received[1]), (None, Some("".into()), Timestamp::CreateTime(now + 1)), "empty value")?;
    let arrived = received[1].headers().ok_or_else(|| anyhow!("no headers"))?;
    let arrived: Vec<_> = arrived.iter().map(|one| (one.key, text(one.value))).collect();
    equal(arrived, headers.iter().map(|(key, value)| (*key, value.map(String::from))).collect(), "headers")
}

async fn deleted() -> Outcome {
    let topic = create_topic("deleted", 2).await?;
    let admin = admin()?;
    let listed = || -> anyhow::Result<bool> {
        let metadata = admin.inner().fetch_metadata(None, TEN_SECONDS)?;
        Ok(metadata.topics().iter().any(|one| one.name() == topic))
    };
    while !listed()? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    done(admin.delete_topics(&[&topic], &AdminOptions::new()).await?)?;
    while listed()? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn unknown() -> Outcome {
    let member = member(&unique("missing"), &unique("group"), &[("allow.auto.create.topics", "false")])?;
    match member.recv().await {
        Err(KafkaError::MessageConsumption(code)) => equal(code, RDKafkaErrorCode::UnknownTopicOrPartition, "error code"),
        other => Err(anyhow!("expected an error, got {other:?}")),
    }
}

/// Small batches, so that faults find many answers to lose; an idempotent producer sends them again.
const SMALL_BATCHES: [(&str, &str); 3] = [("enable.idempotence", "true"), ("acks", "all"), ("batch.num.messages", "200")];

async fn answers_lost() -> Outcome {
    let topic = create_topic("answers-lost", 6).await?;
    produce(&topic, &keyed_records(), &SMALL_BATCHES).await?;
    let member = member(&topic, &unique("group"), &[])?;
    check_keyed(&receive(&member, COUNT).await?)
}

async fn leaders_moved() -> Outcome {
    let (topic, group) = (create_topic("leaders-moved", 6).await?, unique("leaders-moved"));
    let member = member(&topic, &group, &[("topic.metadata.refresh.interval.ms", "1000")])?;
    let consume = async {
        let mut all = vec![];
        while all.len() < COUNT {
            let message = member.recv().await?;
            all.push(message.detach());
            if all.len() % 1000 == 0 {
                member.commit_message(&message, CommitMode::Sync)?;
            }
        }
        anyhow::Ok(all)
    };
    let records = keyed_records();
    let (produced, received) = tokio::join!(produce(&topic, &records, &SMALL_BATCHES), consume);
    produced?;
    check_keyed(&received?)
}
