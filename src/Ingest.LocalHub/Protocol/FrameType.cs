namespace Ingest.LocalHub.Protocol;

internal enum FrameType : byte
{
    Amqp = 0,
    Sasl = 1,
}
