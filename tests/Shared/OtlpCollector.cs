using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace OnnxStream.Interop.Tests;

/// <summary>
/// A collector that takes what OpenTelemetry's protocol brings, by gRPC and by HTTP, each on a free port of loopback, and reads the protobuf messages
/// (https://github.com/open-telemetry/opentelemetry-proto).
/// </summary>
internal sealed class OtlpCollector : IAsyncDisposable
{
    private readonly WebApplication _application;

    private OtlpCollector(WebApplication application) => _application = application;

    /// <summary>Where it takes gRPC.</summary>
    public string GrpcUrl { get; private set; } = "";

    /// <summary>Where it takes messages over HTTP.</summary>
    public string HttpUrl { get; private set; } = "";

    /// <summary>The spans that came.</summary>
    public ConcurrentQueue<OtlpSpan> Spans { get; } = [];

    /// <summary>The names of the metrics that came.</summary>
    public ConcurrentDictionary<string, string> Metrics { get; } = [];

    public static async Task<OtlpCollector> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
        });
        WebApplication application = builder.Build();
        OtlpCollector collector = new(application);
        application.Run(collector.TakeAsync);
        await application.StartAsync();
        string[] addresses = [.. application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses];
        (collector.GrpcUrl, collector.HttpUrl) = (addresses[0], addresses[1]);
        return collector;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
    }

    private async Task TakeAsync(HttpContext context)
    {
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body);
        byte[] bytes = body.ToArray();
        if (context.Request.ContentType == "application/grpc")
        {
            // One message, behind a byte that says whether it is compressed and four with its length.
            Take(context.Request.Path.Value!, bytes.AsMemory(5));
            context.Response.ContentType = "application/grpc";
            await context.Response.Body.WriteAsync(new byte[5]);
            context.Response.AppendTrailer("grpc-status", "0");
            return;
        }

        Take(context.Request.Path.Value!, bytes);
        context.Response.ContentType = "application/x-protobuf";
    }

    private void Take(string path, ReadOnlyMemory<byte> request)
    {
        bool isTraces = path is "/v1/traces" or "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        foreach (ReadOnlyMemory<byte> resource in Messages(request, 1))
        {
            string service = Attributes(Messages(resource, 1).Single(), 1)["service.name"];
            foreach (ReadOnlyMemory<byte> scope in Messages(resource, 2))
            {
                foreach (ReadOnlyMemory<byte> item in Messages(scope, 2))
                {
                    if (isTraces)
                    {
                        Spans.Enqueue(new OtlpSpan(service, Hex(item, 1), Hex(item, 2), Hex(item, 4), Text(item, 5), Attributes(item, 9)));
                    }
                    else
                    {
                        Metrics[Text(item, 1)] = service;
                    }
                }
            }
        }
    }

    // Values of attributes are texts or whole numbers here.
    private static Dictionary<string, string> Attributes(ReadOnlyMemory<byte> message, int field) => Messages(message, field).ToDictionary(
        pair => Text(pair, 1),
        pair => Fields(Messages(pair, 2).Single()).Select(value => value.Bytes is { } bytes ? Encoding.UTF8.GetString(bytes.Span) : value.Number.ToString(System.Globalization.CultureInfo.InvariantCulture)).FirstOrDefault() ?? "");

    private static string Text(ReadOnlyMemory<byte> message, int field) => Encoding.UTF8.GetString(Messages(message, field).SingleOrDefault().Span);

    private static string Hex(ReadOnlyMemory<byte> message, int field) => Convert.ToHexStringLower(Messages(message, field).SingleOrDefault().Span);

    private static IEnumerable<ReadOnlyMemory<byte>> Messages(ReadOnlyMemory<byte> message, int field) => Fields(message).Where(item => item.Field == field).Select(item => item.Bytes!.Value);

    private static List<(int Field, ulong Number, ReadOnlyMemory<byte>? Bytes)> Fields(ReadOnlyMemory<byte> message)
    {
        List<(int Field, ulong Number, ReadOnlyMemory<byte>? Bytes)> fields = [];
        int position = 0;
        while (position < message.Length)
        {
            ulong key = Varint(message.Span, ref position);
            int field = (int)(key >> 3);
            switch (key & 7)
            {
                case 0:
                    fields.Add((field, Varint(message.Span, ref position), null));
                    break;
                case 2:
                    int length = (int)Varint(message.Span, ref position);
                    fields.Add((field, 0, message.Slice(position, length)));
                    position += length;
                    break;
                case ulong kind:
                    position += kind == 1 ? 8 : 4;
                    fields.Add((field, 0, null));
                    break;
            }
        }

        return fields;
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int position)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = bytes[position++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}
