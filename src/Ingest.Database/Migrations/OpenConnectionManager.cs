using System.Data;
using DbUp.Engine;
using DbUp.Engine.Output;
using DbUp.Engine.Transactions;
using Npgsql;

namespace Ingest.Database.Migrations;

/// <summary>
/// Lets DbUp work in the transaction that is already open on a connection: the one that holds the migration's lock. So one connection is
/// enough, and the lock also holds through a pooler that hands out its servers by transaction.
/// </summary>
internal sealed class OpenConnectionManager(NpgsqlConnection connection) : IConnectionManager
{
    public TransactionMode TransactionMode { get; set; }

    public bool IsScriptOutputLogged { get; set; }

    public int? ExecutionTimeoutSeconds { get; set; }

    public IDisposable OperationStarting(IUpgradeLog upgradeLog, List<SqlScript> executedScripts) => new Nothing();

    public void ExecuteCommandsWithManagedConnection(Action<Func<IDbCommand>> action) => action(connection.CreateCommand);

    public T ExecuteCommandsWithManagedConnection<T>(Func<Func<IDbCommand>, T> actionWithResult) =>
        actionWithResult(connection.CreateCommand);

    public IEnumerable<string> SplitScriptIntoCommands(string scriptContents) => [scriptContents];

    public bool TryConnect(IUpgradeLog upgradeLog, out string errorMessage)
    {
        errorMessage = "";
        return true;
    }

    private sealed class Nothing : IDisposable
    {
        public void Dispose()
        {
        }
    }
}
