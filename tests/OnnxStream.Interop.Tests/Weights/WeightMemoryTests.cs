using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

public class WeightMemoryTests
{
    // The area begins at a page. What is in use is a part of a window of slots; a reader's window is beside; the system's is no memory of this process.
    [TestCase(0, false, 1000, ExpectedResult = 4246)]
    [TestCase(70, false, 0, ExpectedResult = 4316)]
    [TestCase(70, false, 50, ExpectedResult = 4316)]
    [TestCase(70, false, 1000, ExpectedResult = 5246)]
    [TestCase(0, true, 1000, ExpectedResult = 5246)]
    public long AWindowIsCountedWhereItLies(long slotBytes, bool isBeside, long window) => new WeightMemory(999, 100, 50, slotBytes, isBeside).HeldBytes(window);

    [TestCase(0, false, 1000, 0, ExpectedResult = 1000)]
    [TestCase(70, false, 1000, 6096, ExpectedResult = 1000)]
    [TestCase(70, false, 1000, 4596, ExpectedResult = 350)]
    [TestCase(70, false, 1000, 4316, ExpectedResult = 70)]
    [TestCase(70, false, 1000, 4315, ExpectedResult = 0)]
    [TestCase(70, false, 50, 0, ExpectedResult = 50)]
    [TestCase(0, true, 1000, 6096, ExpectedResult = 1000)]
    [TestCase(0, true, 1000, 4596, ExpectedResult = 350)]
    [TestCase(0, true, 1000, 4245, ExpectedResult = 0)]
    public long TheLargestWindowFitsTheRoom(long slotBytes, bool isBeside, long wanted, long room) => new WeightMemory(999, 100, 50, slotBytes, isBeside).LargestWindow(wanted, room);
}
