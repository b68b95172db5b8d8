namespace Ingest.Diagnostics;

/// <summary>
/// The ids of what pipeline, sources and worker log. They are stable: alarms and the operations guide name them. 1000 to 1999 are the
/// pipeline's, 2000 to 2999 those of whoever reads a hub.
/// </summary>
public static class LogEventIds
{
    public const int WaitingForDatabase = 1001;
    public const int WorkingAgain = 1002;
    public const int TryingAgain = 1003;
    public const int RowsRefused = 1004;
    public const int LostAnswerFound = 1005;
    public const int DeadLettersDeleted = 1006;
    public const int DeadLettersNotDeleted = 1007;
    public const int BatchFailed = 1008;
    public const int Abandoned = 1009;
    public const int WriterEnded = 1010;
    public const int ReadingsDropped = 1011;
    public const int ReadingsNotDropped = 1012;
    public const int Indistinct = 1013;
    public const int PipelineStarted = 1014;

    public const int Reconnecting = 2004;
    public const int NeedsOperator = 2005;
    public const int PositionUnknown = 2006;
    public const int ReconnectingStill = 2007;
    public const int ReadingAgain = 2008;
    public const int Interrupted = 2009;
    public const int WorkerStarted = 2010;
    public const int PartitionClaimed = 2011;
    public const int Missed = 2012;
    public const int Fenced = 2013;
    public const int EndUnknown = 2014;
    public const int Unreachable = 2015;
    public const int NotClaimed = 2016;
    public const int WaitingStill = 2017;
    public const int GoingOn = 2018;
    public const int Undecodable = 2019;
    public const int SendingAgain = 2020;
    public const int UndecodableStill = 2021;
    public const int NotGivenUp = 2022;
    public const int NotCopied = 2023;
    public const int OwnershipUnavailable = 2024;
    public const int ActsOnReadings = 2025;
}
