using System.Runtime.CompilerServices;
using OnnxStream.Interop.Tests.Weights;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>Sessions that nobody disposes give back their threads and memory when they are collected.</summary>
[NonParallelizable]
public class ForgottenSessionsTests
{
    private const int Sessions = 8;
    private const int Threads = 5;

    [Test]
    public void GiveBackThreadsAndMemory([Values("prefetch", "nocache", "ram", "provider", "store", "state", "fails")] string kind)
    {
        using TemporaryFolder folder = new();
        string path = kind == "state" ? folder.Write("m.onnx", State()) : SmallModel.Write(folder);
        Forget(path, folder, kind, 1);
        Collect(() => false, 3);
        long live = MemoryDiagnostics.LiveBytes;
        int threads = CountThreads();
        Forget(path, folder, kind, Sessions);
        if (kind != "fails")
        {
            Assert.That(MemoryDiagnostics.LiveBytes, Is.GreaterThan(live), "they hold something");
        }

        Collect(() => MemoryDiagnostics.LiveBytes <= live && CountThreads() <= threads, 100);
        Assert.That(MemoryDiagnostics.LiveBytes, Is.LessThanOrEqualTo(live));

        // Those of .NET come and go, a few at a time.
        Assert.That(CountThreads(), Is.LessThan(threads + Sessions));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(string path, TemporaryFolder folder, string kind, int count)
    {
        for (int i = 0; i < count; i++)
        {
            SessionOptions options = new()
            {
                ThreadCount = Threads,
                WeightsProvider = kind switch { "nocache" => WeightsProvider.DiskNoCache(), "ram" => WeightsProvider.Ram(), "provider" => new FileProvider(1 << 20), _ => null },
                PanelStore = kind == "store" ? PanelStoreOptions.File(folder["weights.panels"]) : PanelStoreOptions.Off,
                StateBindings = kind == "state" ? [new("next", "state")] : [],
            };
            InferenceSession session = new(path, options);
            switch (kind)
            {
                case "state":
                    session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(1, 4, 4) }, session.CreateState());
                    break;
                case "fails":
                    Assert.That(() => session.Run(SmallModel.Inputs, new RunOptions { Progress = new Throwing() }), Throws.TypeOf<InvalidTimeZoneException>());
                    break;
                default:
                    SmallModel.Check(session.Run(SmallModel.Inputs), "before it is forgotten");
                    break;
            }
        }
    }

    private static void Collect(Func<bool> isDone, int times)
    {
        for (int i = 0; i < times && !isDone(); i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(10);
        }
    }

    private static int CountThreads()
    {
        using System.Diagnostics.Process process = System.Diagnostics.Process.GetCurrentProcess();
        return process.Threads.Count;
    }

    private static byte[] State() => new ModelBuilder(17).Input("x", ElementType.Float32, 4, 4).Input("state", ElementType.Float32, 4, 4)
        .Node("Add", "x state", "next").Node("Neg", "next", "y").Output("next").Output("y").ToBytes();

    private sealed class Throwing : IProgress<RunProgress>
    {
        public void Report(RunProgress value)
        {
            if (value.Step == 2)
            {
                throw new InvalidTimeZoneException("mine");
            }
        }
    }
}
