//! Whether a model answers behind an OpenAI-compatible API.
//!
//! What stand-ins lack: a tokenizer's count of fresh words, signs and pictures, answers that end where they are told to, vectors
//! that lie near each other when texts mean the same. Names of models and servers prove nothing and are not asked for.

use std::time::Instant;

use hallmark_core::{Error, Result};
use serde_json::{Value, json};

use super::health::cosine;
use super::{ChatMessage, OpenAi, OpenAiConfig};
use crate::recorder::nonce;
use crate::verify::{Fresh, Shown, Trials, refuted};
use crate::{codes, limits};

/// Texts that mean the same, two of each; chosen anew in every run, so that no answer can be laid in store.
const PARAPHRASES: &[(&str, &str)] = &[
    ("a hammer for driving nails", "a tool to knock nails into wood"),
    ("how do I reset my password", "I forgot my login and need a new one"),
    ("the cat sleeps on the sofa", "a kitten is napping on the couch"),
    ("safety goggles protect the eyes", "eyewear that keeps eyes from harm"),
    ("the train to Berlin is late", "our rail connection to Berlin is delayed"),
    ("fresh orange juice in a glass", "a cup of newly squeezed oranges"),
    ("the stock market fell sharply", "share prices dropped a lot"),
    ("children play football in the park", "kids kick a soccer ball outdoors"),
    ("it will rain heavily tomorrow", "strong showers are expected the next day"),
    ("she plays the violin beautifully", "her performance on the fiddle is lovely"),
    ("the doctor prescribed antibiotics", "the physician ordered medicine against bacteria"),
    ("install the software update", "set up the newest version of the program"),
    ("the bridge was built of steel", "they constructed the crossing from metal"),
    ("bake the bread for an hour", "leave the loaf in the oven for sixty minutes"),
];

/// How many pairs are compared, and of how many the nearer texts must lie nearer.
const PAIRS: usize = 10;
const PAIRS_HELD: usize = 8;

/// Two vectors of one text must agree this much.
const SAME_TEXT: f64 = 0.999;

pub(crate) async fn verify(config: &OpenAiConfig, trials: &mut Trials) {
    trials.allow(limits::TRIAL_MODEL);
    let connected = trials.make("connects", async {
        let openai = OpenAi::new(config)?;
        openai.chat(&[ChatMessage::user("Hello.")], 1).await?;
        Ok((openai, "a question was answered".to_owned()))
    });
    let Some(openai) = connected.await else { return };
    trials.make("fresh_answers", answers(&openai)).await;
    trials.make("token_limit", ends(&openai)).await;
    trials.make("token_counts", counts(&openai)).await;
    trials.make("meaning", meaning(&openai)).await;
    trials.show("log_probabilities", probabilities(&openai)).await;
    trials.show("schema", schema(&openai)).await;
    trials.show("time_per_token", time(&openai)).await;
}

/// Different questions, each with a word that nobody asked about before, get different answers.
async fn answers(openai: &OpenAi) -> Shown<()> {
    let mut texts = Vec::new();
    for what in ["Describe the sea in one sentence.", "Count from three to nine.", "Name two tools."] {
        let question = format!("{what} Mention {}.", nonce()?);
        texts.push(openai.chat(&[ChatMessage::user(&question)], 8).await?.text);
    }
    if texts.iter().all(|text| text.trim().is_empty()) {
        return Err(refuted("it answers every question with nothing"));
    }
    texts.sort();
    texts.dedup();
    if texts.len() < 2 {
        return Err(refuted("three different questions get one answer"));
    }
    Ok(((), format!("three questions, {} different answers", texts.len())))
}

/// An answer that would be long ends at the limit, says so, and has counted its tokens.
async fn ends(openai: &OpenAi) -> Shown<()> {
    let mut fresh = Fresh::new()?;
    let short = u32::try_from(3 + fresh.below(4)).unwrap_or(3);
    let long = short + u32::try_from(4 + fresh.below(6)).unwrap_or(4);
    let question = format!("Write {} and then count from one to two hundred in words.", nonce()?);
    let mut counted = Vec::new();
    for limit in [short, long] {
        let answer = openai.chat(&[ChatMessage::user(&question)], limit).await?;
        let cut = answer.finish_reason == "length";
        // A model may happen to end by itself just where the limit is.
        if answer.completion_tokens > u64::from(limit) || cut && answer.completion_tokens < u64::from(limit) {
            return Err(refuted(format!(
                "limited to {limit} tokens it counts {} and ends because of \"{}\"",
                answer.completion_tokens, answer.finish_reason
            )));
        }
        // A model may stop by itself; a long text in a few tokens is none.
        if answer.text.chars().count() > 40 * limit as usize {
            return Err(refuted(format!("{} characters in {limit} tokens", answer.text.chars().count())));
        }
        counted.push(answer.completion_tokens);
    }
    Ok(((), format!("limits of {short} and {long} tokens gave {} and {}", counted[0], counted[1])))
}

/// Tokens of fresh words, Chinese signs and pictures are neither a share of the characters nor the number of words; the sum of
/// question and answer is the total.
async fn counts(openai: &OpenAi) -> Shown<()> {
    let mut fresh = Fresh::new()?;
    let mut signs = |from: u32, span: u64, count: usize| -> String {
        let mut sign = || char::from_u32(from + u32::try_from(fresh.below(span)).unwrap_or_default());
        std::iter::repeat_with(|| sign().unwrap_or('x')).take(count).collect()
    };
    let texts = [
        format!("{} {} {} {}", nonce()?, nonce()?, nonce()?, nonce()?),
        signs(0x4e00, 0x1000, 24),
        signs(0x1f600, 0x40, 16),
    ];
    let base = usage(openai, "x").await?;
    let mut shown = Vec::new();
    let (mut by_characters, mut by_words) = (true, true);
    for text in &texts {
        let counted = usage(openai, text).await?;
        let tokens = counted.saturating_sub(base);
        let near = |guess: usize| tokens.abs_diff(guess as u64) <= 1;
        by_characters &= near(text.chars().count() / 4);
        by_words &= near(text.split_whitespace().count());
        shown.push(tokens.to_string());
    }
    if by_characters {
        return Err(refuted(format!("its tokens ({}) are the characters divided by four", shown.join(", "))));
    }
    if by_words {
        return Err(refuted(format!("its tokens ({}) are the words", shown.join(", "))));
    }
    let detail = format!("words, Chinese signs and pictures of this run count {} tokens", shown.join(", "));
    Ok(((), detail))
}

/// The tokens of a question.
async fn usage(openai: &OpenAi, text: &str) -> Result<u64> {
    let answer = openai
        .complete_raw(json!({"messages": [{"role": "user", "content": text}], "max_tokens": 1}))
        .await?;
    let number = |name: &str| answer["usage"][name].as_u64();
    let (Some(prompt), Some(completion)) = (number("prompt_tokens"), number("completion_tokens")) else {
        return Err(refuted("it does not count tokens"));
    };
    if number("total_tokens").is_some_and(|total| total != prompt + completion) {
        return Err(refuted(format!(
            "{prompt} and {completion} tokens make {}",
            answer["usage"]["total_tokens"]
        )));
    }
    Ok(prompt)
}

/// Texts that mean the same lie nearer to each other than texts that do not; one text has one vector.
async fn meaning(openai: &OpenAi) -> Shown<()> {
    let mut fresh = Fresh::new()?;
    let mut left: Vec<usize> = (0..PARAPHRASES.len()).collect();
    let mut chosen = Vec::new();
    while chosen.len() < PAIRS {
        let place = usize::try_from(fresh.below(left.len() as u64)).unwrap_or_default();
        chosen.push(left.swap_remove(place));
    }
    // A word of this run in every text: the same one, so that it does not part them.
    let word = nonce()?;
    let texts: Vec<String> = chosen
        .iter()
        .flat_map(|place| [PARAPHRASES[*place].0, PARAPHRASES[*place].1])
        .map(|text| format!("{text} {word}"))
        .collect();
    let vectors = openai.embed(&texts).await.map_err(|error| match error {
        missing if missing.is(&codes::API_NOT_FOUND) => refuted("it gives no vectors").because(&missing),
        other => other,
    })?;
    let again = openai.embed(&texts[..1]).await?;
    if cosine(&vectors[0], &again[0]) < SAME_TEXT {
        return Err(refuted("one text has two different vectors"));
    }
    let held = (0..PAIRS)
        .filter(|pair| {
            let same = cosine(&vectors[2 * pair], &vectors[2 * pair + 1]);
            let other = cosine(&vectors[2 * pair], &vectors[(2 * pair + 3) % (2 * PAIRS)]);
            same > other
        })
        .count();
    if held < PAIRS_HELD {
        return Err(refuted(format!("of {PAIRS} pairs that mean the same {held} lie nearer than strangers")));
    }
    Ok(((), format!("of {PAIRS} pairs that mean the same {held} lie nearer than strangers")))
}

/// Where the API tells how likely each token was: at most 1, the likeliest first.
async fn probabilities(openai: &OpenAi) -> Shown<()> {
    let body = json!({
        "messages": [{"role": "user", "content": format!("Say {}.", nonce()?)}],
        "max_tokens": 4, "logprobs": true, "top_logprobs": 3,
    });
    let answer = openai.complete_raw(body).await?;
    let Some(tokens) = answer["choices"][0]["logprobs"]["content"].as_array().filter(|t| !t.is_empty())
    else {
        return Err(Error::new(&codes::ANSWER_INVALID, "it tells no probabilities"));
    };
    for token in tokens {
        let top: Vec<f64> = token["top_logprobs"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|t| t["logprob"].as_f64())
            .collect();
        let falls = top.windows(2).all(|pair| pair[0] >= pair[1]);
        if token["logprob"].as_f64().is_none_or(|p| p > 0.0) || !falls || top.iter().any(|p| *p > 0.0) {
            return Err(refuted("its probabilities are above 1, or not in order"));
        }
    }
    Ok(((), format!("{} tokens with falling probabilities", tokens.len())))
}

/// Where the API takes a schema: an answer has the members that it was asked for, which are new in every run.
async fn schema(openai: &OpenAi) -> Shown<()> {
    let (name, other) = (nonce()?, nonce()?);
    let mut properties = serde_json::Map::new();
    properties.insert(name.clone(), json!({"type": "string", "maxLength": 4}));
    properties.insert(other.clone(), json!({"type": "boolean"}));
    let body = json!({
        "messages": [{"role": "user", "content": "Fill the form with any values."}],
        "max_tokens": 120, "temperature": 0.8,
        "response_format": {"type": "json_schema", "json_schema": {"name": "form", "strict": true, "schema": {
            "type": "object", "properties": properties, "required": [name, other], "additionalProperties": false,
        }}},
    });
    let answer = openai.complete_raw(body).await?;
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default();
    let Ok(form) = serde_json::from_str::<Value>(text) else {
        return Err(Error::new(&codes::ANSWER_INVALID, "it does not keep to a schema"));
    };
    if !form[&name].is_string() || !form[&other].is_boolean() {
        return Err(refuted("its form lacks the members that were asked for"));
    }
    Ok(((), "a form with members of this run was filled".to_owned()))
}

/// Longer answers take longer.
async fn time(openai: &OpenAi) -> Shown<()> {
    let question = format!("Write {} and then count from one to two hundred in words.", nonce()?);
    let mut taken = Vec::new();
    for limit in [1, 12] {
        let start = Instant::now();
        let answer = openai.chat(&[ChatMessage::user(&question)], limit).await?;
        taken.push((start.elapsed(), answer.completion_tokens));
    }
    let [(short, few), (long, many)] = taken[..] else { return Err(refuted("nothing was measured")) };
    if many > few * 4 && long <= short {
        return Err(refuted(format!("{many} tokens took no longer than {few}")));
    }
    Ok(((), format!("{few} tokens in {} ms, {many} in {} ms", short.as_millis(), long.as_millis())))
}
