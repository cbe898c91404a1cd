//! Whether a ChromaDB is real.
//!
//! What stubs lack: the true nearest neighbours of vectors that are fresh in every run, with their distances, under filters;
//! the refusal of what does not fit.

use hallmark_core::Result;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::client::send;
use super::health::{PREFIX, client, heartbeat, sweep};
use super::{Chroma, ChromaConfig, CollectionId, Records};
use crate::recorder::nonce;
use crate::verify::{Fresh, Shown, Trials, refuted};
use crate::{codes, http};

/// Vectors that are written, their length, how many are asked about, and for how many neighbours each.
const VECTORS: usize = 120;
const LENGTH: usize = 16;
const QUESTIONS: usize = 8;
const NEIGHBOURS: usize = 5;

/// How far a distance may be off: the server reckons in 32 bits.
const TOLERANCE: f64 = 1e-3;

/// Of the neighbours asked for, in percent, how many must be the true ones: the index is an approximation.
const TRUE_PERCENT: usize = 90;

/// What was written, to be searched here as well.
struct Written {
    id: CollectionId,
    vectors: Vec<Vec<f32>>,
}

pub(crate) async fn verify(config: &ChromaConfig, trials: &mut Trials) {
    let connected = trials.make("connects", async {
        let http = client()?;
        heartbeat(&http, config).await?;
        Ok((Chroma::new(config)?, "its heart beats".to_owned()))
    });
    let Some(chroma) = connected.await else { return };
    trials.make("account_of_itself", account(config)).await;
    let Ok(word) = nonce() else { return };
    let name = format!("{PREFIX}{}_{word}", jiff::Timestamp::now().as_second());
    if let Some(written) = trials.make("writes", write(&chroma, &name)).await {
        trials.make("nearest_neighbours", neighbours(&chroma, &written)).await;
        trials.make("filters", filters(&chroma, &written)).await;
        trials.make("refuses_misfits", misfits(&chroma, &written)).await;
    }
    trials.make("leaves_nothing", removed(&chroma, &name)).await;
}

/// Its clock runs as ours does, and it describes the interface that it serves.
async fn account(config: &ChromaConfig) -> Shown<()> {
    let http = client()?;
    let (first, ours) = (heartbeat(&http, config).await?, jiff::Timestamp::now());
    let theirs = jiff::Timestamp::from_nanosecond(i128::from(first)).ok();
    let apart = theirs.map(|t| (t.as_second() - ours.as_second()).abs());
    if apart.is_none_or(|seconds| seconds > 24 * 3600) {
        return Err(refuted(format!("its heart beats at {first} ns, which is no time of day")));
    }
    let described = send(&http, Method::GET, &format!("{}/openapi.json", config.url), None).await;
    let described: Value = match described {
        Ok(response) => http::json(response).await?,
        Err(error) if error.is(&codes::CHROMA_NOT_FOUND) => Value::Null,
        Err(error) => return Err(error),
    };
    let paths = described["paths"].as_object().map_or(0, Map::len);
    let shown =
        if paths > 0 { format!("describes {paths} paths") } else { "does not describe itself".to_owned() };
    Ok(((), format!("its clock runs; it {shown}")))
}

fn group(place: usize) -> usize {
    place % 3
}

async fn write(chroma: &Chroma, name: &str) -> Shown<Written> {
    sweep(chroma).await?;
    let id = chroma.get_or_create_collection(name, Map::new()).await?;
    let mut fresh = Fresh::new()?;
    let vectors: Vec<Vec<f32>> =
        std::iter::repeat_with(|| std::iter::repeat_with(|| fresh.unit()).take(LENGTH).collect())
            .take(VECTORS)
            .collect();
    let records = Records {
        ids: (0..VECTORS).map(|place| place.to_string()).collect(),
        embeddings: vectors.clone(),
        documents: Vec::new(),
        metadatas: (0..VECTORS)
            .map(|place| Map::from_iter([("group".to_owned(), json!(group(place)))]))
            .collect(),
    };
    chroma.upsert(&id, records).await?;
    let count = chroma.count(&id).await?;
    if count != VECTORS as u64 {
        return Err(refuted(format!("{VECTORS} records were written, and it counts {count}")));
    }
    Ok((Written { id, vectors }, format!("{VECTORS} random vectors of {LENGTH} numbers")))
}

/// The places of the vectors that are nearest to one, with the square of their distance, nearest first.
fn nearest(vectors: &[Vec<f32>], question: &[f32], of: impl Fn(usize) -> bool) -> Vec<(usize, f64)> {
    let distance = |vector: &[f32]| {
        vector.iter().zip(question).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>()
    };
    let mut all: Vec<(usize, f64)> = vectors
        .iter()
        .enumerate()
        .filter(|(place, _)| of(*place))
        .map(|(place, v)| (place, distance(v)))
        .collect();
    all.sort_by(|a, b| a.1.total_cmp(&b.1));
    all
}

async fn neighbours(chroma: &Chroma, written: &Written) -> Shown<()> {
    let mut fresh = Fresh::new()?;
    let (mut right, mut asked) = (0, 0);
    for _ in 0..QUESTIONS {
        let question: Vec<f32> = std::iter::repeat_with(|| fresh.unit()).take(LENGTH).collect();
        let expected = nearest(&written.vectors, &question, |_| true);
        let found = chroma.query(&written.id, &question, NEIGHBOURS, None).await?;
        asked += NEIGHBOURS;
        for neighbour in &found {
            let own = expected.iter().find(|(place, _)| place.to_string() == neighbour.id);
            let Some((_, distance)) = own else {
                return Err(refuted(format!("it finds {}, which was not written", neighbour.id)));
            };
            if (distance - neighbour.distance).abs() > TOLERANCE {
                return Err(refuted(format!(
                    "two random vectors are {distance:.4} apart, and it says {:.4}",
                    neighbour.distance
                )));
            }
            right += usize::from(
                expected[..NEIGHBOURS].iter().any(|(place, _)| place.to_string() == neighbour.id),
            );
        }
    }
    if right * 100 < asked * TRUE_PERCENT {
        return Err(refuted(format!("of {asked} nearest neighbours it finds {right}")));
    }
    Ok((
        (),
        format!("{right} of {asked} nearest neighbours of {QUESTIONS} fresh vectors, at their distances"),
    ))
}

/// A filter lets through its own and nothing else.
async fn filters(chroma: &Chroma, written: &Written) -> Shown<()> {
    let mut fresh = Fresh::new()?;
    let wanted = usize::try_from(fresh.below(3)).unwrap_or_default();
    let question: Vec<f32> = std::iter::repeat_with(|| fresh.unit()).take(LENGTH).collect();
    let found = chroma.query(&written.id, &question, NEIGHBOURS, Some(json!({"group": wanted}))).await?;
    let mine = |id: &str| id.parse::<usize>().is_ok_and(|place| group(place) == wanted);
    let first = nearest(&written.vectors, &question, |place| group(place) == wanted);
    if found.len() != NEIGHBOURS || !found.iter().all(|n| mine(&n.id)) {
        return Err(refuted("a filter on metadata lets others through"));
    }
    let is_near = first[..NEIGHBOURS].iter().any(|(place, _)| place.to_string() == found[0].id);
    if !is_near {
        return Err(refuted("the nearest of the filtered vectors is not among its neighbours"));
    }
    Ok(((), format!("{NEIGHBOURS} neighbours in one of three groups")))
}

/// A vector of another length, and a collection that is not there, are refused.
async fn misfits(chroma: &Chroma, written: &Written) -> Shown<()> {
    let short = chroma.query(&written.id, &[0.5; LENGTH - 1], 1, None).await;
    match short {
        Err(error) if error.is(&codes::CHROMA_REQUEST) => {}
        Err(error) => return Err(error),
        Ok(_) => return Err(refuted("it compares vectors of different lengths")),
    }
    match chroma.collection(&format!("{PREFIX}{}", nonce()?)).await {
        Err(error) if error.is(&codes::CHROMA_NOT_FOUND) => {}
        Err(error) => return Err(error),
        Ok(_) => return Err(refuted("it has a collection that nobody made")),
    }
    Ok(((), "a vector of another length and an unknown collection were refused".to_owned()))
}

async fn removed(chroma: &Chroma, name: &str) -> Shown<()> {
    match chroma.delete_collection(name).await {
        Ok(()) => {}
        Err(error) if error.is(&codes::CHROMA_NOT_FOUND) => {}
        Err(error) => return Err(error),
    }
    let gone: Result<_> = chroma.collection(name).await;
    match gone {
        Err(error) if error.is(&codes::CHROMA_NOT_FOUND) => Ok(((), "its collection is gone".to_owned())),
        Err(error) => Err(error),
        Ok(_) => Err(refuted("a deleted collection is still there")),
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_come_first_with_squared_distances() {
        let vectors = vec![vec![1.0, 0.0], vec![0.0, 0.5], vec![3.0, 4.0]];
        let found = nearest(&vectors, &[0.0, 0.0], |_| true);
        assert_eq!(found, [(1, 0.25), (0, 1.0), (2, 25.0)]);
        assert_eq!(nearest(&vectors, &[0.0, 0.0], |place| place == 2).len(), 1);
    }
}
