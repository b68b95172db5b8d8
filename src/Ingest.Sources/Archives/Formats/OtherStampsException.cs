namespace Ingest.Sources.Archives.Formats;

/// <summary>A message's stamp cannot equal the one its row was stored under, so that a replay would store it a second time.</summary>
internal sealed class OtherStampsException(string why) : UnreadableFileException($"{why}: stored readings would be stored again");
