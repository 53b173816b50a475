//! rskafka, a Kafka client in plain Rust without groups: https://docs.rs/rskafka

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clients::{Cases, Outcome, address, equal, unique};
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::{Record, RecordAndOffset};

#[tokio::main]
async fn main() {
    let mut cases = Cases::default();
    cases.run("10,000 keyed records over six partitions arrive in order", ten_thousand()).await;
    for (name, compression) in [
        ("gzip round trip", Compression::Gzip),
        ("snappy round trip", Compression::Snappy),
        ("lz4 round trip", Compression::Lz4),
        ("zstd round trip", Compression::Zstd),
    ] {
        cases.run(name, round_trip(compression)).await;
    }
    cases.run("headers, nulls and timestamps arrive as sent", contents()).await;
    cases.run("offsets are found by timestamp", timestamps()).await;
    cases.run("a deleted topic is gone", deleted()).await;
    cases.finish();
}

async fn connect() -> anyhow::Result<Client> {
    let brokers = address("KAFKA_BROKERS").split(',').map(String::from).collect();
    Ok(ClientBuilder::new(brokers).build().await?)
}

async fn create_topic(client: &Client, name: &str, partitions: i32) -> anyhow::Result<String> {
    let topic = unique(name);
    client.controller_client()?.create_topic(&topic, partitions, 1, 5_000).await?;
    Ok(topic)
}

async fn partition(client: &Client, topic: &str, index: i32) -> anyhow::Result<Arc<PartitionClient>> {
    Ok(Arc::new(client.partition_client(topic, index, UnknownTopicHandling::Retry).await?))
}

fn record(value: String) -> Record {
    Record { key: None, value: Some(value.into_bytes()), headers: BTreeMap::new(), timestamp: now() }
}

/// In whole milliseconds, as Kafka keeps it.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(Utc::now().timestamp_millis()).unwrap()
}

async fn fetch(partition: &PartitionClient, count: usize) -> anyhow::Result<Vec<RecordAndOffset>> {
    let mut all: Vec<RecordAndOffset> = vec![];
    while all.len() < count {
        let (records, _) = partition.fetch_records(all.len() as i64, 1..1_000_000, 1_000).await?;
        all.extend(records);
    }
    let (more, high_watermark) = partition.fetch_records(all.len() as i64, 1..1_000_000, 100).await?;
    equal(more.len(), 0, "records behind the last")?;
    equal(high_watermark, count as i64, "high watermark")?;
    equal(all.iter().map(|r| r.offset).collect::<Vec<_>>(), (0..count as i64).collect(), "offsets")?;
    Ok(all)
}

async fn ten_thousand() -> Outcome {
    let client = connect().await?;
    let topic = create_topic(&client, "keyed", 6).await?;
    let mut sent: Vec<Vec<Record>> = vec![vec![]; 6];
    for i in 0..10_000 {
        let mut one = record(format!("value-{i}"));
        one.key = Some(format!("key-{}", i % 97).into_bytes());
        sent[i % 97 % 6].push(one);
    }
    for (index, records) in sent.iter().enumerate() {
        let partition = partition(&client, &topic, index as i32).await?;
        for batch in records.chunks(500) {
            partition.produce(batch.to_vec(), Compression::NoCompression).await?;
        }
    }
    for (index, records) in sent.into_iter().enumerate() {
        let partition = partition(&client, &topic, index as i32).await?;
        let received = fetch(&partition, records.len()).await?;
        equal(received.into_iter().map(|r| r.record).collect(), records, "records of a partition")?;
    }
    Ok(())
}

async fn round_trip(compression: Compression) -> Outcome {
    let client = connect().await?;
    let topic = create_topic(&client, "compressed", 1).await?;
    let partition = partition(&client, &topic, 0).await?;
    let records: Vec<Record> = (0..500).map(|i| record(format!("value {i} ").repeat(50))).collect();
    partition.produce(records.clone(), compression).await?;
    let received = fetch(&partition, records.len()).await?;
    equal(received.into_iter().map(|r| r.record).collect(), records, "records")
}

async fn contents() -> Outcome {
    let client = connect().await?;
    let topic = create_topic(&client, "contents", 1).await?;
    let partition = partition(&client, &topic, 0).await?;
    let headers = BTreeMap::from([("a".to_string(), b"1".to_vec()), ("empty".to_string(), vec![])]);
    let records = vec![
        Record { key: Some(b"tombstone".to_vec()), value: None, headers: BTreeMap::new(), timestamp: now() },
        Record { key: None, value: Some(vec![]), headers, timestamp: now() },
    ];
    partition.produce(records.clone(), Compression::NoCompression).await?;
    let received = fetch(&partition, 2).await?;
    equal(received.into_iter().map(|r| r.record).collect(), records, "records")
}

async fn timestamps() -> Outcome {
    let client = connect().await?;
    let topic = create_topic(&client, "timestamps", 1).await?;
    let partition = partition(&client, &topic, 0).await?;
    let start = now() - TimeDelta::seconds(60);
    for i in 0..10 {
        let one = Record { timestamp: start + TimeDelta::seconds(i), ..record("x".into()) };
        partition.produce(vec![one], Compression::NoCompression).await?;
    }
    equal(partition.get_offset(OffsetAt::Earliest).await?, 0, "beginning")?;
    equal(partition.get_offset(OffsetAt::Latest).await?, 10, "end")?;
    let after = OffsetAt::Timestamp(start + TimeDelta::milliseconds(2500));
    equal(partition.get_offset(after).await?, 3, "first record at or after the time")
}

async fn deleted() -> Outcome {
    let client = connect().await?;
    let topic = create_topic(&client, "deleted", 1).await?;
    while !listed(&client, &topic).await? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    client.controller_client()?.delete_topic(&topic, 5_000).await?;
    while listed(&client, &topic).await? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn listed(client: &Client, topic: &str) -> anyhow::Result<bool> {
    Ok(client.list_topics().await?.iter().any(|one| one.name == topic))
}
