using System.Globalization;
using Ingest.Database;
using Ingest.Database.Embedded;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Fuzzing;

// A process that owns a database, for the tests that kill such a process: it prints the connection string, the id of the serving process and
// the data folder, then serves until its standard input ends. Or one whose memory is measured while small messages hold much work.
try
{
    switch (args)
    {
        case ["embedded", var dataFolder]:
            var options = new EmbeddedDatabaseSettings { DataFolder = dataFolder, PackagesFolder = TestPackages.StateFolder };
            await using (var embedded = await EmbeddedDatabase.StartAsync(options, progress: null, CancellationToken.None))
            {
                await ServeAsync(embedded.ConnectionString, embedded.ProcessId, dataFolder);
            }

            return 0;
        case ["native"]:
            await using (var native = await NativePostgres.StartAsync())
            {
                await ServeAsync(native.ConnectionString, native.ProcessId, native.DataFolder);
            }

            return 0;
        case ["bombs", var kind, var messages, var database]:
            await BombRun.RunAsync(kind, int.Parse(messages, CultureInfo.InvariantCulture), database, CancellationToken.None);
            return 0;
        default:
            await Console.Error.WriteLineAsync("usage: embedded <data folder> | native | bombs <kind> <messages> <connection string>");
            return 2;
    }
}
catch (DatabaseSetupException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 1;
}

static async Task ServeAsync(string connectionString, int processId, string dataFolder)
{
    Console.WriteLine(connectionString);
    Console.WriteLine(processId);
    Console.WriteLine(dataFolder);
    await Console.In.ReadToEndAsync();
}
