//! An async function applied to every record of a topic, with offsets committed only when its output is safe.
