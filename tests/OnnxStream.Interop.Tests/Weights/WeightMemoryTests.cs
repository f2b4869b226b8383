using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

public class WeightMemoryTests
{
    // What is in use is a part of a window of slots; a reader's window is beside; the system's is no memory of this process.
    [TestCase(0, false, 1000, ExpectedResult = 150)]
    [TestCase(70, false, 0, ExpectedResult = 220)]
    [TestCase(70, false, 50, ExpectedResult = 220)]
    [TestCase(70, false, 1000, ExpectedResult = 1150)]
    [TestCase(0, true, 1000, ExpectedResult = 1150)]
    public long AWindowIsCountedWhereItLies(long slotBytes, bool isBeside, long window) => new WeightMemory(999, 100, 50, slotBytes, isBeside).HeldBytes(window);

    [TestCase(0, false, 1000, 0, ExpectedResult = 1000)]
    [TestCase(70, false, 1000, 2000, ExpectedResult = 1000)]
    [TestCase(70, false, 1000, 500, ExpectedResult = 350)]
    [TestCase(70, false, 1000, 220, ExpectedResult = 70)]
    [TestCase(70, false, 1000, 219, ExpectedResult = 0)]
    [TestCase(70, false, 50, 0, ExpectedResult = 50)]
    [TestCase(0, true, 1000, 2000, ExpectedResult = 1000)]
    [TestCase(0, true, 1000, 500, ExpectedResult = 350)]
    [TestCase(0, true, 1000, 149, ExpectedResult = 0)]
    public long TheLargestWindowFitsTheRoom(long slotBytes, bool isBeside, long wanted, long room) => new WeightMemory(999, 100, 50, slotBytes, isBeside).LargestWindow(wanted, room);
}
