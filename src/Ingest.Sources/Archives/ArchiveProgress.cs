using Ingest.Events;

namespace Ingest.Sources.Archives;

/// <summary>How far a replay of an archive is.</summary>
/// <param name="Bytes">Bytes read, or read by an earlier run.</param>
/// <param name="BytesInAll">Bytes of all files.</param>
/// <param name="Files">Files read to their end, in this run or an earlier one.</param>
/// <param name="FilesBefore">Of those, in an earlier run.</param>
/// <param name="Messages">Messages that this run has read, wanted or not.</param>
/// <param name="Counts">Where the readings ended, with those of the runs before that this one goes on from.</param>
/// <param name="LastStamp">The highest stamp of the files; the epoch where there is none.</param>
public sealed record ArchiveProgress(
    long Bytes, long BytesInAll, int Files, int FilesBefore, long Messages, ReadingCounts Counts, DateTime LastStamp);

/// <summary>A file that could not be read to its end.</summary>
/// <param name="File">Its name.</param>
/// <param name="Records">How many of its messages are stored, or were looked at and not wanted.</param>
/// <param name="Sentence">What is wrong, and what became of what came before.</param>
public sealed record ArchiveProblem(string File, long Records, string Sentence);

/// <summary>A replay of an archive that has ended.</summary>
/// <param name="Progress">How far it came.</param>
/// <param name="Problems">The files that it could not read to their end.</param>
public sealed record ArchiveResult(ArchiveProgress Progress, IReadOnlyList<ArchiveProblem> Problems);
