namespace Ingest.TestSupport.Faults;

/// <summary>Something that goes wrong and is put right again, while devices go on sending.</summary>
/// <param name="Name">How it is called on the command line.</param>
/// <param name="StageAsync">Stages it and puts it right. The random numbers are the round's: they vary the moment and the manner.</param>
public sealed record Fault(string Name, Func<FaultStage, Random, CancellationToken, Task> StageAsync)
{
    /// <summary>
    /// Outages the log must tell of: each with one line when it begins and one when it ends. Null: any number, but of both the same.
    /// </summary>
    public int? Outages { get; init; }

    /// <summary>Events that may be logged as warnings or errors besides outages of the database: of the hub, say.</summary>
    public IReadOnlyList<int> Complains { get; init; } = [];

    /// <summary>Whether a new worker process takes the first one's place.</summary>
    public bool ReplacesWorker { get; init; }

    /// <summary>What the stage must be like for it.</summary>
    public FaultStageOptions Stage { get; init; } = new();

    public override string ToString() => Name;
}
