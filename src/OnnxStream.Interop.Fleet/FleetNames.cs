using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Fleet;

/// <summary>What everything is called in NATS. <c>docs/fleet.md</c> lists the same names.</summary>
internal static class FleetNames
{
    /// <summary>The work queue: a message is a job, and gone when it is done.</summary>
    public const string JobStream = "ONNXSTREAM_JOBS";

    /// <summary>What happens to jobs, for the servers that wait for them.</summary>
    public const string EventStream = "ONNXSTREAM_EVENTS";

    /// <summary>Jobs that were given up, with the reason in their headers.</summary>
    public const string DeadStream = "ONNXSTREAM_DEAD";

    /// <summary>The bucket of keys and values: outcomes, attempts, models.</summary>
    public const string StateBucket = "onnxstream";

    /// <summary>The bucket of files: large requests, saved steps, results.</summary>
    public const string FileBucket = "onnxstream";

    /// <summary>Asks all workers to say what they have.</summary>
    public const string Hello = "onnxstream.hello";

    /// <summary>What workers say of themselves.</summary>
    public const string AllWorkers = "onnxstream.workers.*";

    /// <summary>The header of a dead letter with the kind of failure.</summary>
    public const string ReasonHeader = "OnnxStream-Reason";

    /// <summary>The header of a dead letter with what is wrong.</summary>
    public const string MessageHeader = "OnnxStream-Message";

    /// <summary>The header of a dead letter with the worker that gave it up.</summary>
    public const string WorkerHeader = "OnnxStream-Worker";

    /// <summary>The header of a dead letter with how often it was tried.</summary>
    public const string AttemptsHeader = "OnnxStream-Attempts";

    public static string Jobs(string model) => $"onnxstream.jobs.{Token(model)}";

    public static string Dead(string model) => $"onnxstream.dead.{Token(model)}";

    public static string Events(string server, string job) => $"onnxstream.events.{server}.{job}";

    public static string Cancel(string job) => $"onnxstream.cancel.{job}";

    public static string Workers(string worker) => $"onnxstream.workers.{Token(worker)}";

    public static string Examine(string worker) => $"onnxstream.examine.{Token(worker)}";

    public static string Consumer(string model) => $"work-{Token(model)}";

    public static string ModelKey(string model) => $"model.{Token(model)}";

    public static string OutcomeKey(string job) => $"job.{job}.outcome";

    public static string AttemptsKey(string job) => $"job.{job}.attempts";

    /// <summary>How many of the attempts at a job ended because their workers left, and handed it on.</summary>
    public static string HandedOnKey(string job) => $"job.{job}.handed";

    public static string RequestFile(string job) => $"{job}/request";

    public static string SavedFile(string job) => $"{job}/saved";

    public static string ResultFile(string job, int attempt, int part) => string.Create(CultureInfo.InvariantCulture, $"{job}/{attempt}/{part}");

    /// <summary>A name as a part of a subject, a key or a consumer's name: letters, digits, dashes and low lines as they are, all else as the bytes of UTF-8.</summary>
    public static string Token(string name)
    {
        StringBuilder token = new(name.Length);
        foreach (byte value in Encoding.UTF8.GetBytes(name))
        {
            if (char.IsAsciiLetterOrDigit((char)value) || value is (byte)'-' or (byte)'_')
            {
                token.Append((char)value);
            }
            else
            {
                token.Append(CultureInfo.InvariantCulture, $"={value:X2}");
            }
        }

        return token.ToString();
    }
}
