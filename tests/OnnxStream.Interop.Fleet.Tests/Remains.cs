using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Client.ObjectStore;
using NATS.Client.ObjectStore.Models;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Fleet.Tests;

/// <summary>What is left of jobs in the queue when they are done.</summary>
internal static class Remains
{
    /// <summary>Asserts that no job waits, that each has one outcome, and that files of jobs are gone.</summary>
    public static async Task AreNoneAsync(string url, IReadOnlyList<Job> jobs)
    {
        await using NatsConnection connection = new(NatsOpts.Default with { Url = url });
        NatsJSContext stream = new(connection);

        // The last confirmations may be on their way.
        for (int attempt = 0; ; attempt++)
        {
            INatsJSStream work = await stream.GetStreamAsync("ONNXSTREAM_JOBS");
            if (work.Info.State.Messages == 0)
            {
                break;
            }

            Assert.That(attempt, Is.LessThan(100), $"{work.Info.State.Messages} jobs are in the queue");
            await Task.Delay(200);
        }

        INatsJSStream values = await stream.GetStreamAsync("KV_onnxstream", new StreamInfoRequest { SubjectsFilter = "$KV.onnxstream.job.*.outcome" });
        Assert.That(values.Info.State.Subjects!.Count, Is.EqualTo(jobs.Count));
        Assert.That(values.Info.State.Subjects.Values, Is.All.EqualTo(1), "an outcome is stored once");

        INatsObjStore files = await new NatsObjContext(stream).GetObjectStoreAsync("onnxstream");
        List<string> names = [];
        await foreach (ObjectMetadata file in files.ListAsync())
        {
            names.Add(file.Name);
        }

        // What a worker stored that was killed just then goes by its age.
        Assert.That(names.Where(name => !name.EndsWith("/saved", StringComparison.Ordinal)).Count(), Is.LessThanOrEqualTo(6));
    }
}
