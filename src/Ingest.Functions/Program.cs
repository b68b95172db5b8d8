using Ingest.Functions;
using Ingest.Functions.Hosting;
using Ingest.Sources.Identity;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;

var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.UseHttpFailures();
FunctionLogs.AddLevels(builder.Configuration);

var identity = AppIdentity.Of(builder.Configuration);
builder.Services
    .AddIngestPipeline(builder.Configuration, DatabaseToken.Of(identity))
    .AddFunctionSettings(builder.Configuration)
    .AddDeviceLookup(identity);
FunctionTelemetry.Add(builder, identity);

try
{
    await builder.Build().RunAsync();
    return 0;
}
catch (Exception exception) when (StartFailure.Describe(exception) is { } description)
{
    await Console.Error.WriteLineAsync(description);
    return StartFailure.ExitCode;
}
